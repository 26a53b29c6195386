{{/* Environment of a process: (list $ "ingest"). */}}
{{- define "poundcake.environment" -}}
{{- $root := index . 0 -}}
{{- $process := index . 1 -}}
{{- range $name, $value := $root.Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- with include "poundcake.port" $process }}
- {name: {{ ternary "POUNDCAKE_LISTEN" (printf "POUNDCAKE_%s_LISTEN" (upper $process)) (eq $process "ingest") }}, value: '0.0.0.0:{{ . }}'}
{{- end }}
{{- range (include "poundcake.files" . | fromYaml).files }}
- {name: {{ .variable }}, value: /run/secrets/poundcake/{{ .path }}}
{{- end }}
{{- if and (has $process (list "ingest" "dispatcher")) (include "poundcake.routes" $root) }}
- {name: POUNDCAKE_ROUTES, value: /etc/poundcake/routes/routes.yaml}
{{- end }}
{{- end -}}

{{/* Directories, without subPath, so that a changed Secret or ConfigMap arrives in a running pod: (list $ "ingest"). */}}
{{- define "poundcake.mounts" -}}
- {name: secrets, mountPath: /run/secrets/poundcake, readOnly: true}
{{- if and (has (index . 1) (list "ingest" "dispatcher")) (include "poundcake.routes" (index . 0)) }}
- {name: routes, mountPath: /etc/poundcake/routes, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "poundcake.volumes" -}}
{{- $root := index . 0 -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
    {{- range (include "poundcake.files" . | fromYaml).files }}
    - secret: {name: {{ .name }}, items: [{key: {{ .key }}, path: {{ .path }}}]}
    {{- end }}
{{- if and (has (index . 1) (list "ingest" "dispatcher")) (include "poundcake.routes" $root) }}
- name: routes
  configMap: {name: {{ include "poundcake.routes" $root }}}
{{- end }}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- end -}}

{{/* The restricted Pod Security Standard. */}}
{{- define "poundcake.podSecurity" -}}
automountServiceAccountToken: false
# Variables that Kubernetes makes of Services (POUNDCAKE_INGEST_PORT=tcp://…) look like settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.userId }}
  runAsGroup: {{ .Values.userId }}
  fsGroup: {{ .Values.userId }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- {name: {{ . }}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "poundcake.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}
