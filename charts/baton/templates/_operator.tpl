{{- /* One Deployment of the operator. Takes a dict: root, component (operator, dispatch), name, loops (joined by commas),
       replicas (missing where an autoscaler sets them), resources. */ -}}
{{- define "baton.operatorDeployment" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ include "baton.namespace" $root }}
  labels:
    {{- include "baton.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  {{- with include "baton.annotations" (dict "root" $root) }}{{ . | nindent 2 }}{{- end }}
spec:
  {{- if hasKey . "replicas" }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: {{ $values.revisionHistoryLimit }}
  # Old and new work side by side; none of the old goes before a new one is ready, so a failing migration stops nothing.
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "baton.componentLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "baton.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
        baton.dev/serves: http
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        kubectl.kubernetes.io/default-container: operator
        {{- with merge (deepCopy $values.podAnnotations) $values.commonAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "baton.serviceAccountName" $root }}
      automountServiceAccountToken: true
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- include "baton.podBasics" $root | nindent 6 }}
      {{- with include "baton.migrations" $root }}
      {{- . | nindent 6 }}
      {{- end }}
      containers:
        - name: operator
          command: [baton-operator]
          args: ["--loops={{ .loops }}"]
          {{- include "baton.containerBasics" $root | nindent 10 }}
          ports:
            - {name: http, containerPort: 8080}
          env:
            {{- include "baton.databaseEnv" (dict "root" $root "migrator" false) | nindent 12 }}
            - name: BATON_HTTP_PORT
              value: "8080"
            - name: BATON_WORKER
              value: {{ eq $values.worker.mode "InOperator" | quote }}
            {{- with $values.watch.namespaces }}
            - name: BATON_NAMESPACES
              value: {{ join "," . }}
            {{- end }}
            {{- include "baton.settingsEnv" $root | trim | nindent 12 }}
            {{- if eq $values.worker.mode "InOperator" }}
            {{- include "baton.workerEnv" $root | nindent 12 }}
            {{- end }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- with $values.extraEnvFrom }}
          envFrom:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- range $probe, $path := dict "startup" "/healthz" "liveness" "/healthz" "readiness" "/readyz" }}
          {{ $probe }}Probe:
            httpGet: {path: {{ $path }}, port: http}
            {{- toYaml (get $values.probes $probe) | nindent 12 }}
          {{- end }}
          {{- with .resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
      {{- include "baton.volumes" $root | nindent 6 }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "baton.spread" . }}
      {{- . | nindent 6 }}
      {{- end }}
{{- end -}}
