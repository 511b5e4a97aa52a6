{{- /* What of the monitoring is left out, and why; nothing where nothing is. For NOTES. */ -}}
{{- define "baton.monitoringNotes" -}}
{{- $monitoring := .Values.monitoring -}}
{{- $left := list -}}
{{- range $kind := list "serviceMonitor" "podMonitor" "prometheusRule" -}}
{{- if and (index $monitoring $kind).enabled (not ($.Capabilities.APIVersions.Has (include "baton.monitoringApi" $kind))) -}}
{{- $left = append $left (printf "monitoring.%s" $kind) -}}
{{- end -}}
{{- end -}}
{{- if $left -}}
This API server does not know the Prometheus Operator's kinds, so {{ join " and " $left }} {{ eq (len $left) 1 | ternary "is" "are" }} left out.
Scrape port http of the Service {{ include "baton.fullname" . }}, path /metrics, with honor_labels: true; the rules are in the chart's files/rules/.
{{- end -}}
{{- end -}}

{{- /* The API of one of the Prometheus Operator's kinds, by the name of its values. */ -}}
{{- define "baton.monitoringApi" -}}
monitoring.coreos.com/v1/{{ printf "%s%s" (substr 0 1 . | upper) (substr 1 -1 .) }}
{{- end -}}

{{- /* Whether one of them is wanted and known. Takes a dict: root, kind. */ -}}
{{- define "baton.monitored" -}}
{{- if and (index .root.Values.monitoring .kind).enabled (.root.Capabilities.APIVersions.Has (include "baton.monitoringApi" .kind)) -}}true{{- end -}}
{{- end -}}

{{- /* How a monitor scrapes: the labels of Baton's own metrics count, since `namespace` is the Runs' one. Takes a dict:
       root, kind. */ -}}
{{- define "baton.endpoint" -}}
{{- $own := index .root.Values.monitoring .kind -}}
port: http
path: /metrics
honorLabels: true
{{- with $own.interval }}
interval: {{ . }}
{{- end }}
{{- with $own.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with $own.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Metadata of one object of the monitoring. Takes a dict: root, name, own (its values: namespace, labels,
       annotations). */ -}}
{{- define "baton.monitoringMetadata" -}}
name: {{ .name }}
namespace: {{ default (include "baton.namespace" .root) .own.namespace }}
labels:
  {{- include "baton.labels" .root | nindent 2 }}
  {{- with .own.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with include "baton.annotations" (dict "root" .root "own" .own.annotations) }}
{{ . }}
{{- end }}
{{- end -}}
