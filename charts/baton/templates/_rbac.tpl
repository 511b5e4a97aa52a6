{{- /* Rules with which the operator reads what Engines name. Takes a dict: root, and namespace (empty: all of them).
       A resource of which some are named is allowed by name alone, and only where it is named. */ -}}
{{- define "baton.credentialRules" -}}
{{- $named := dict "secrets" .root.Values.rbac.secrets "configmaps" .root.Values.rbac.configMaps -}}
{{- $rules := list -}}
{{- range .root.Files.Get "files/rbac/engine-credentials.yaml" | fromYamlArray -}}
{{- $names := get $named (first .resources) -}}
{{- if not $names -}}
{{- $rules = append $rules . -}}
{{- else if get $names $.namespace -}}
{{- $rules = append $rules (merge (dict "resourceNames" (get $names $.namespace | uniq)) .) -}}
{{- end -}}
{{- end -}}
{{- if $rules -}}{{- toYaml $rules -}}{{- end -}}
{{- end -}}

{{- /* Refuses names of Secrets and ConfigMaps in namespaces that are not watched. */ -}}
{{- define "baton.checkNames" -}}
{{- if .Values.watch.namespaces -}}
{{- range $value, $names := dict "secrets" .Values.rbac.secrets "configMaps" .Values.rbac.configMaps -}}
{{- range $namespace, $_ := $names -}}
{{- if not (has $namespace $.Values.watch.namespaces) -}}
{{- fail (printf "rbac.%s.%s: this namespace is not among watch.namespaces" $value $namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A role and its binding to a ServiceAccount. Takes a dict: root, name, namespace (empty: in the whole cluster),
       rules (a text), own (annotations), account and component (both may be missing: the operator's). */ -}}
{{- define "baton.boundRole" -}}
{{- $kind := empty .namespace | ternary "ClusterRole" "Role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "baton.labels" .root | nindent 4 }}
  {{- with include "baton.annotations" . }}{{ . | nindent 2 }}{{- end }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "baton.labels" .root | nindent 4 }}
  {{- with include "baton.annotations" . }}{{ . | nindent 2 }}{{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ default (include "baton.serviceAccountName" .root) .account }}
    namespace: {{ include "baton.namespace" .root }}
{{- end -}}
