{{- define "walrelay.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 48 | trimSuffix "-" }}
{{- end }}

{{/* Short: pods add their number, and slots, of 63 characters, are named after them. */}}
{{- define "walrelay.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else if contains (include "walrelay.name" .) .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "walrelay.name" .) | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "walrelay.selector" -}}
app.kubernetes.io/name: {{ include "walrelay.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of the relays' pods; those of hooks have another component, so that no service leads to them. */}}
{{- define "walrelay.podSelector" -}}
{{ include "walrelay.selector" . }}
app.kubernetes.io/component: relay
{{- end }}

{{- define "walrelay.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "walrelay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "walrelay.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "walrelay.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "walrelay.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "walrelay.httpTls" -}}
{{- if and .Values.tls.existingSecret .Values.tls.http }}true{{ end }}
{{- end }}

{{- define "walrelay.scheme" -}}
{{- if include "walrelay.httpTls" . }}https{{ else }}http{{ end }}
{{- end }}

{{/* The names of the pods, one each for standbys and peers: commas between them. */}}
{{- define "walrelay.hosts" -}}
{{- $name := include "walrelay.fullname" . }}
{{- $hosts := list }}
{{- range $i := until (int .Values.replicas) }}
{{- $hosts = append $hosts (printf "%s-%d.%s-pods.%s.svc.%s" $name $i $name $.Release.Namespace $.Values.clusterDomain) }}
{{- end }}
{{- join "," $hosts }}
{{- end }}

{{- define "walrelay.urls" -}}
{{- $urls := list }}
{{- range splitList "," (include "walrelay.hosts" .) }}
{{- $urls = append $urls (printf "%s://%s:8433" (include "walrelay.scheme" $) .) }}
{{- end }}
{{- join "," $urls }}
{{- end }}

{{/* What a client of the HTTP port has to show, by options of walrelay restore: a token, else a certificate; and whom it has to trust. */}}
{{- define "walrelay.restoreCredentials" -}}
{{- if .Values.http.tokens.existingSecret }} --token-file /path/to/token
{{- else if or .Values.tls.clientCertificates (dig "http" "tls" "client-ca" "" .Values.config) }} --cert /path/to/client.crt --key /path/to/client.key
{{- end }}
{{- if and (include "walrelay.httpTls" .) .Values.tls.caKey }} --ca-file /path/to/ca.crt{{ end }}
{{- end }}

{{/*
As the relay names it: upstream.slot with the pod's name for {hostname}, _ for what slot names lack. Takes the context, the pod's name up to its
number, and the number.
*/}}
{{- define "walrelay.slot" -}}
{{- $template := dig "upstream" "slot" "walrelay_{hostname}" (index . 0).Values.config }}
{{- $template | replace "{hostname}" (printf "%s%v" (regexReplaceAll "[^a-z0-9_]" (index . 1) "_") (index . 2)) }}
{{- end }}

{{/* A time like 30s as whole seconds, rounded up. */}}
{{- define "walrelay.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int64 }}
{{- $unit := regexFind "[a-z]+$" . }}
{{- if eq $unit "ms" }}{{ div (add $number 999) 1000 }}{{ else }}{{ mul $number (get (dict "s" 1 "min" 60 "h" 3600 "d" 86400) $unit | int64) }}{{ end }}
{{- end }}

{{- define "walrelay.gracePeriod" -}}
{{- $stop := include "walrelay.seconds" (dig "standbys" "stop-timeout" "30s" .Values.config) | int64 }}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds }}
{{- add $stop 30 }}
{{- else if lt (int64 .Values.terminationGracePeriodSeconds) $stop }}
{{- fail (printf "terminationGracePeriodSeconds: %d: expected at least standbys.stop-timeout, %ds: standbys would be cut off" (int64 .Values.terminationGracePeriodSeconds) $stop) }}
{{- else }}
{{- .Values.terminationGracePeriodSeconds }}
{{- end }}
{{- end }}

{{/* A quantity like 60Gi in whole MB of 1024 kB. */}}
{{- define "walrelay.megabytes" -}}
{{- $unit := regexFind "[A-Za-z]*$" . }}
{{- $bytes := get (dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) $unit }}
{{- if not $bytes }}{{ fail (printf "%s: expected a quantity like 60Gi" .) }}{{ end }}
{{- divf (mulf (trimSuffix $unit . | float64) $bytes) 1048576 | floor | int64 }}
{{- end }}

{{/* What the chart knows of the configuration, under what config: says. */}}
{{- define "walrelay.config" -}}
{{- $hosts := include "walrelay.hosts" . }}
{{- $config := deepCopy .Values.config }}
{{- $_ := required "config.upstream.conninfo: expected a libpq connection string, like host=pg1,pg2 user=walrelay" (dig "upstream" "conninfo" "" $config) }}
{{- if and (gt (int .Values.replicas) 1) (not (contains "{hostname}" (dig "upstream" "slot" "{hostname}" $config))) }}
{{- fail "config.upstream.slot: expected a name with {hostname}: each replica needs a slot of its own" }}
{{- end }}
{{- $slot := include "walrelay.slot" (list . (printf "%s-" (include "walrelay.fullname" .)) (sub (int .Values.replicas) 1)) }}
{{- if gt (len $slot) 63 }}
{{- fail (printf "config.upstream.slot: %s would be cut to 63 characters; expected a shorter one, or a shorter fullnameOverride" $slot) }}
{{- end }}
{{- if not (or .Values.http.tokens.existingSecret .Values.tls.clientCertificates (dig "http" "tls" "client-ca" "" $config) (dig "http" "insecure" false $config)) }}
{{- fail "http.tokens.existingSecret: expected a Secret (kubectl create secret generic walrelay-http --from-literal=tokens=\"$(openssl rand -hex 32)\"), or tls.clientCertificates, or config.http.insecure: WAL is all of the data" }}
{{- end }}
{{- $tls := dict "cert" "/etc/walrelay/tls/tls.crt" "key" "/etc/walrelay/tls/tls.key" }}
{{- if .Values.tls.clientCertificates }}{{ $_ := set $tls "client-ca" "/etc/walrelay/tls/ca.crt" }}{{ end }}
{{- $hba := ternary "hostssl" "host" (and (ne .Values.tls.existingSecret "") .Values.tls.postgresql) }}
{{- $listen := dict "address" "0.0.0.0:6433" "hba" (list (printf "%s replication all all scram-sha-256" $hba)) }}
{{- if and .Values.tls.existingSecret .Values.tls.postgresql }}{{ $_ := set $listen "tls" (deepCopy $tls) }}{{ end }}
{{- $http := dict "address" "0.0.0.0:8433" }}
{{- if include "walrelay.httpTls" . }}{{ $_ := set $http "tls" (deepCopy $tls) }}{{ end }}
{{- $disk := printf "%dMB" (div (mul (include "walrelay.megabytes" .Values.persistence.size | int64) 9) 10) }}
{{- $all := dict "listen" $listen "http" $http "data" "/var/lib/walrelay/data" "cache" (dict "disk" $disk) "advertise" (dict "conninfo" (printf "host=%s port=6433" $hosts)) }}
{{- if gt (int .Values.replicas) 1 }}
{{- $_ := set $all "peers" (splitList "," (include "walrelay.urls" .)) }}
{{- if and (include "walrelay.httpTls" .) .Values.tls.caKey }}{{ $_ := set $all "peers-ca" "/etc/walrelay/tls/ca.crt" }}{{ end }}
{{- else }}
{{- $_ := set $all.advertise "url" (include "walrelay.urls" .) }}
{{- end }}
{{- if not (dig "cache" "disk" "" $config) }}{{ $_ := unset $config.cache "disk" }}{{ end }}
{{- range $section, $keys := $config }}{{ if and (kindIs "map" $keys) (not $keys) }}{{ $_ := unset $config $section }}{{ end }}{{ end }}
{{- toYaml (mergeOverwrite $all $config) }}
{{- end }}

{{/* Secrets, for whatever runs walrelay. */}}
{{- define "walrelay.env" -}}
- name: WALRELAY_LOG_LEVEL
  value: {{ .Values.log.level | quote }}
- name: WALRELAY_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
{{- with .Values.jvm.options }}
- name: WALRELAY_JAVA_OPTS
  value: {{ join " " . | quote }}
{{- end }}
{{- with .Values.upstream.password }}
{{- if .existingSecret }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
