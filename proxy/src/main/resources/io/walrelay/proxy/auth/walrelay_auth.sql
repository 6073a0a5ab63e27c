-- Lets the relay's role read the verifier of one role at a time, superusers' never. Run as a superuser in the database that
-- auth-query names.
CREATE OR REPLACE FUNCTION public.walrelay_auth(role text)
RETURNS TABLE (rolname text, rolpassword text, rolreplication boolean, rolcanlogin boolean, rolvaliduntil timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT a.rolname::text, a.rolpassword, a.rolreplication, a.rolcanlogin,
         -- Without infinities, which not every driver can read; one that lies before all time is a past like any other.
         CASE WHEN a.rolvaliduntil < 'infinity' THEN greatest(a.rolvaliduntil, to_timestamp(0)) END
    FROM pg_catalog.pg_authid a
   WHERE a.rolname = role AND NOT a.rolsuper
$$;
REVOKE ALL ON FUNCTION public.walrelay_auth(text) FROM PUBLIC;
