{{- define "poundcake.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $both .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* What selects the pods of a process: (list $ "ingest"). It never changes: a Deployment's selector is immutable. */}}
{{- define "poundcake.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object of a process: (list $ "ingest"). */}}
{{- define "poundcake.labels" -}}
{{- $root := index . 0 -}}
{{ include "poundcake.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* name, namespace and labels of an object of a process: (list $ "ingest"). */}}
{{- define "poundcake.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "poundcake.fullname" $root }}-{{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "poundcake.labels" . | nindent 2 }}
{{- end -}}

{{- define "poundcake.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "poundcake.port" -}}
{{- get (dict "ingest" "8000" "dispatcher" "8001" "tracker" "8002") . -}}
{{- end -}}

{{- define "poundcake.scheme" -}}
{{- ternary "HTTPS" "HTTP" (ne .Values.secrets.server.name "") -}}
{{- end -}}
