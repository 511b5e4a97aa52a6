{{- /* Pieces that several Pods have in common. */ -}}

{{- /* What stands in every Pod's spec. */ -}}
{{- define "baton.podBasics" -}}
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* What stands in every container of Baton's image. */ -}}
{{- define "baton.containerBasics" -}}
image: {{ include "baton.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if include "baton.databaseVolume" . }}
  - {name: database-ca, mountPath: /etc/baton/database, readOnly: true}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "baton.volumes" -}}
volumes:
  - name: tmp
    emptyDir: {}
  {{- with include "baton.databaseVolume" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* How the Pods of one component spread. Takes a dict: root, component. */ -}}
{{- define "baton.spread" -}}
{{- with .root.Values.topologySpreadConstraints -}}
topologySpreadConstraints:
  {{- range . }}
  {{- $own := dict "labelSelector" (dict "matchLabels" (include "baton.componentLabels" $ | fromYaml)) }}
  - {{- toYaml (merge (deepCopy .) (hasKey . "labelSelector" | ternary dict $own)) | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* What the Pods of one Deployment are known by. Takes a dict: root, component. */ -}}
{{- define "baton.componentLabels" -}}
{{ include "baton.selectorLabels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* Environment of what `settings` says: BATON_LOG_LEVEL of logLevel. */ -}}
{{- define "baton.settingsEnv" -}}
{{- range $key, $value := .Values.settings }}
{{- if and (not (kindIs "invalid" $value)) (ne (toJson $value) "[]") }}
- name: BATON_{{ snakecase $key | upper }}
  value: {{ kindIs "slice" $value | ternary (join "," $value) (toJson $value | trimAll "\"") | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "baton.workerEnv" -}}
- name: BATON_WORKER_CONCURRENCY
  value: {{ .Values.worker.concurrency | quote }}
{{- with .Values.worker.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The containers that bring the schema to this release, one after the other; `kubectl get pod` counts them. */ -}}
{{- define "baton.migrations" -}}
{{- if .Values.migrations.enabled -}}
initContainers:
  {{- range list "engine" "extensions" }}
  - name: migrate-{{ . }}
    command: [baton-migrate]
    args: [--only={{ . }}, --wait-for-database={{ $.Values.migrations.databaseWaitSeconds }}]
    {{- include "baton.containerBasics" $ | nindent 4 }}
    env:
      {{- include "baton.databaseEnv" (dict "root" $ "migrator" true) | nindent 6 }}
    {{- with $.Values.migrations.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  {{- end }}
{{- end -}}
{{- end -}}
