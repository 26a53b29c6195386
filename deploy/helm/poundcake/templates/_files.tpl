{{/* The files of a process, from existing Secrets: (list $ "ingest"). Gives {files: [{variable, path, name, key}]}. */}}
{{- define "poundcake.files" -}}
{{- $root := index . 0 -}}
{{- $process := index . 1 -}}
{{- $s := $root.Values.secrets -}}
{{- $tls := dict "cert" "tls.crt" "key" "tls.key" -}}
{{- $database := $s.database -}}
{{- $st2Database := $s.st2Database -}}
{{- if eq $process "migrate" -}}
{{- $database = $root.Values.migrate.database -}}
{{- $st2Database = $root.Values.migrate.st2Database -}}
{{- end -}}
{{- $all := list
  (list "DATABASE_URL_FILE" "database_url" $database $database.key "ingest dispatcher tracker migrate")
  (list "ST2_DATABASE_URL_FILE" "st2_database_url" $st2Database $st2Database.key "ingest dispatcher tracker migrate")
  (list "POUNDCAKE_DB_CA_FILE" "database_ca.crt" $s.databaseCa $s.databaseCa.key "ingest dispatcher tracker migrate")
  (list "POUNDCAKE_DB_CERT_FILE" "database_client.crt" $s.databaseClient $tls.cert "ingest dispatcher tracker migrate")
  (list "POUNDCAKE_DB_KEY_FILE" "database_client.key" $s.databaseClient $tls.key "ingest dispatcher tracker migrate")
  (list "AMQP_URL_FILE" "amqp_url" $s.amqp $s.amqp.key "ingest dispatcher")
  (list "POUNDCAKE_AMQP_CA_FILE" "amqp_ca.crt" $s.amqpCa $s.amqpCa.key "ingest dispatcher")
  (list "POUNDCAKE_AMQP_CERT_FILE" "amqp_client.crt" $s.amqpClient $tls.cert "ingest dispatcher")
  (list "POUNDCAKE_AMQP_KEY_FILE" "amqp_client.key" $s.amqpClient $tls.key "ingest dispatcher")
  (list "ST2_API_KEY_FILE" "st2_api_key" $s.st2ApiKey $s.st2ApiKey.key "dispatcher tracker")
  (list "ST2_PASSWORD_FILE" "st2_password" $s.st2Password $s.st2Password.key "dispatcher tracker")
  (list "ST2_CA_FILE" "st2_ca.crt" $s.st2Ca $s.st2Ca.key "dispatcher tracker")
  (list "POUNDCAKE_WEBHOOK_TOKENS_FILE" "webhook_tokens" $s.webhookTokens $s.webhookTokens.key "ingest")
  (list "POUNDCAKE_OPERATOR_TOKENS_FILE" "operator_tokens" $s.operatorTokens $s.operatorTokens.key "ingest")
  (list "POUNDCAKE_TLS_CERT" "server.crt" $s.server $tls.cert "ingest dispatcher tracker")
  (list "POUNDCAKE_TLS_KEY" "server.key" $s.server $tls.key "ingest dispatcher tracker")
-}}
{{- $files := list -}}
{{- range $all -}}
{{- $secret := index . 2 -}}
{{- if and $secret.name (has $process (splitList " " (index . 4))) -}}
{{- $files = append $files (dict "variable" (index . 0) "path" (index . 1) "name" $secret.name "key" (index . 3)) -}}
{{- end -}}
{{- end -}}
{{- dict "files" $files | toYaml -}}
{{- end -}}

{{/* The ConfigMap with the routes file, or nothing. */}}
{{- define "poundcake.routes" -}}
{{- if .Values.routes.existingConfigMap -}}
{{- .Values.routes.existingConfigMap -}}
{{- else if .Values.routes.file -}}
{{- include "poundcake.fullname" . }}-routes
{{- end -}}
{{- end -}}
