{{- /* Refuses values that name no database, or two. */ -}}
{{- define "baton.checkDatabase" -}}
{{- $db := .Values.database -}}
{{- $chosen := compact (list $db.existingSecret.name $db.host ($db.bundled.enabled | ternary "bundled" "")) -}}
{{- if ne (len $chosen) 1 -}}
{{- fail "database: set exactly one of database.existingSecret.name, database.host and database.bundled.enabled" -}}
{{- end -}}
{{- if and $db.host (not $db.userSecret.name) -}}
{{- fail "database.userSecret.name: name the Secret with the user and password for database.host" -}}
{{- end -}}
{{- if and $db.ca.secretName $db.ca.configMapName -}}
{{- fail "database.ca: set secretName or configMapName, not both" -}}
{{- end -}}
{{- if and (hasPrefix "verify-" $db.sslMode) (not (or $db.ca.secretName $db.ca.configMapName)) -}}
{{- fail (printf "database.ca: database.sslMode %s needs the certificate of an authority: set secretName or configMapName" $db.sslMode) -}}
{{- end -}}
{{- end -}}

{{- define "baton.bundledName" -}}
{{ include "baton.fullname" . }}-postgresql
{{- end -}}

{{- /* Environment that leads to the database. Takes a dict: root, and migrator (whether it is for migrations). */ -}}
{{- define "baton.databaseEnv" -}}
{{- $db := .root.Values.database -}}
{{- $whole := $db.existingSecret -}}
{{- $user := $db.userSecret -}}
{{- if .migrator -}}
{{- if $db.migrator.existingSecret.name -}}{{- $whole = $db.migrator.existingSecret -}}{{- end -}}
{{- if $db.migrator.userSecret.name -}}{{- $user = $db.migrator.userSecret -}}{{- end -}}
{{- end -}}
{{- if $db.bundled.enabled -}}
{{- $whole = dict "name" (include "baton.bundledName" .root) "uriKey" "uri" -}}
{{- end -}}
{{- if $whole.name -}}
- name: BATON_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ $whole.name }}
      key: {{ $whole.uriKey }}
{{- else -}}
{{- $hosts := list -}}
{{- range splitList "," $db.host -}}
{{- $hosts = append $hosts (printf "%s:%d" (trim .) (int $db.port)) -}}
{{- end -}}
- name: BATON_DATABASE_URL
  value: postgresql://{{ join "," $hosts }}/{{ $db.name }}
- name: BATON_DATABASE_USER
  valueFrom:
    secretKeyRef:
      name: {{ $user.name }}
      key: {{ $user.userKey }}
- name: BATON_DATABASE_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $user.name }}
      key: {{ $user.passwordKey }}
{{- end }}
{{- with $db.sslMode }}
- name: PGSSLMODE
  value: {{ . }}
{{- end }}
{{- if or $db.ca.secretName $db.ca.configMapName }}
- name: PGSSLROOTCERT
  value: /etc/baton/database/ca.crt
{{- end }}
{{- end -}}

{{- /* The volume with the authority's certificate. */ -}}
{{- define "baton.databaseVolume" -}}
{{- $ca := .Values.database.ca -}}
{{- if or $ca.secretName $ca.configMapName -}}
- name: database-ca
  {{- if $ca.secretName }}
  secret:
    secretName: {{ $ca.secretName }}
  {{- else }}
  configMap:
    name: {{ $ca.configMapName }}
  {{- end }}
    items:
      - {key: {{ $ca.key }}, path: ca.crt}
{{- end }}
{{- end -}}
