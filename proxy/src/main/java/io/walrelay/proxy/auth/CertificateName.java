package io.walrelay.proxy.auth;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import javax.naming.NamingException;
import javax.naming.directory.Attribute;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import javax.security.auth.x500.X500Principal;

/** Whom a certificate names. */
public final class CertificateName {

    private CertificateName() {}

    /**
     * The common name; empty when there is none, when it can't be read, and when there are several. PostgreSQL takes the first of
     * several in DER order (be-secure-openssl.c, X509_NAME_get_text_by_NID), other programs the last: an authority that
     * checked one of them must not have vouched for another.
     */
    public static Optional<String> commonName(X500Principal subject) {
        List<String> names = new ArrayList<>();
        try {
            // LdapName counts from the right of the text, which is DER order.
            for (Rdn rdn : new LdapName(subject.getName()).getRdns()) {
                for (Attribute attribute : Collections.list(rdn.toAttributes().getAll())) {
                    if (attribute.getID().equalsIgnoreCase("CN")) {
                        Collections.list(attribute.getAll()).forEach(value -> names.add(String.valueOf(value)));
                    }
                }
            }
        } catch (NamingException e) {
            return Optional.empty();
        }
        return names.size() == 1 ? Optional.of(names.getFirst()) : Optional.empty();
    }
}
