{{/* The environment of the server: first what the values say, then `settings`, then what is secret. */}}
{{- define "workstead.environment" -}}
- name: WORKSTEAD_DATA_DIR
  value: /data
- name: WORKSTEAD_LISTEN
  value: "0.0.0.0:8700"
- name: WORKSTEAD_PUBLIC_URL
  value: {{ include "workstead.publicUrl" . | quote }}
- name: WORKSTEAD_SHUTDOWN_GRACE
  value: {{ .Values.shutdownGraceSeconds | quote }}
{{- with .Values.trustedProxies }}
- name: WORKSTEAD_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- if .Values.metrics.enabled }}
- name: WORKSTEAD_METRICS_LISTEN
  value: {{ printf "0.0.0.0:%d" (int .Values.metrics.port) | quote }}
{{- end }}
{{- if has .Values.store.type (list "minio" "s3") }}
{{- with .Values.store.s3 }}
{{- if .endpoint }}
- name: WORKSTEAD_S3_ENDPOINT
  value: {{ .endpoint | quote }}
{{- end }}
{{- if .publicEndpoint }}
- name: WORKSTEAD_S3_PUBLIC_ENDPOINT
  value: {{ .publicEndpoint | quote }}
{{- end }}
- name: WORKSTEAD_S3_BUCKET
  value: {{ .bucket | quote }}
- name: WORKSTEAD_S3_REGION
  value: {{ .region | quote }}
{{- if not (eq (toString .pathStyle) "") }}
- name: WORKSTEAD_S3_PATH_STYLE
  value: {{ .pathStyle | quote }}
{{- end }}
{{- if .existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .accessKeyIdKey }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .secretAccessKeyKey }}
{{- end }}
{{- end }}
{{- else if eq .Values.store.type "gcs" }}
- name: WORKSTEAD_GCS_BUCKET
  value: {{ .Values.store.gcs.bucket | quote }}
{{- if .Values.store.gcs.existingSecret }}
- name: GOOGLE_APPLICATION_CREDENTIALS
  value: /var/run/secrets/workstead/gcs/key.json
{{- end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  {{- /* Numbers come as floating ones, and a million would be written 1e+06. */}}
  value: {{ ternary ($value | int64) $value (kindIs "float64" $value) | toString | quote }}
{{- end }}
{{- range $name, $from := .Values.secretSettings }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.secret }}
      key: {{ $from.key }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
