{{/* Where a pod may run: its process's values. */}}
{{- define "poundcake.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* The pod of a process: (list $ "ingest"). */}}
{{- define "poundcake.pod" -}}
{{- $root := index . 0 -}}
{{- $process := index . 1 -}}
{{- $values := get $root.Values $process -}}
serviceAccountName: {{ ternary (printf "%s-%s" (include "poundcake.fullname" $root) $process) "default" $root.Values.serviceAccount.create }}
{{ include "poundcake.podSecurity" $root }}
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
{{- include "poundcake.placement" $values }}
{{- if $values.topologySpread.enabled }}
topologySpreadConstraints:
- maxSkew: {{ $values.topologySpread.maxSkew }}
  topologyKey: {{ $values.topologySpread.topologyKey }}
  whenUnsatisfiable: {{ $values.topologySpread.whenUnsatisfiable }}
  labelSelector:
    matchLabels:
      {{- include "poundcake.selector" . | nindent 6 }}
{{- end }}
containers:
- name: {{ $process }}
  image: {{ include "poundcake.image" $root }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args: [{{ $process }}]
  env:
    {{- include "poundcake.environment" . | nindent 4 }}
  ports:
  - {name: http, containerPort: {{ include "poundcake.port" $process }}}
  # No answer comes before the database is there. A restart would not help: one hour of patience.
  startupProbe:
    httpGet: {path: /livez, port: http, scheme: {{ include "poundcake.scheme" $root }}}
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: 720
  livenessProbe:
    httpGet: {path: /livez, port: http, scheme: {{ include "poundcake.scheme" $root }}}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  readinessProbe:
    httpGet: {path: /readyz, port: http, scheme: {{ include "poundcake.scheme" $root }}}
    periodSeconds: 5
    timeoutSeconds: 5
    failureThreshold: 3
  resources:
    {{- toYaml $values.resources | nindent 4 }}
  {{- include "poundcake.containerSecurity" $root | nindent 2 }}
  volumeMounts:
    {{- include "poundcake.mounts" . | nindent 4 }}
volumes:
  {{- include "poundcake.volumes" . | nindent 2 }}
{{- end -}}

{{/* The Deployment of a process: (list $ "ingest"). */}}
{{- define "poundcake.deployment" -}}
{{- $root := index . 0 -}}
{{- $values := get $root.Values (index . 1) -}}
{{- $scaled := or (dig "autoscaling" "enabled" false $values) (dig "keda" "enabled" false $values) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "poundcake.metadata" . | nindent 2 }}
spec:
  {{- if not $scaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      {{- include "poundcake.selector" . | nindent 6 }}
  strategy:
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  template:
    metadata:
      labels:
        {{- include "poundcake.labels" . | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "poundcake.pod" . | nindent 6 }}
{{- end -}}
