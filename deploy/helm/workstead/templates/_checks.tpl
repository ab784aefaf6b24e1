{{/* What the schema checks too; for those who skip it. */}}
{{- define "workstead.checks" -}}
{{- if gt (int .Values.replicaCount) 1 -}}
{{- fail (printf "replicaCount is %d, but only one server may run: its database and its repositories lie on one volume, which it locks; set it to 1" (int .Values.replicaCount)) -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.enabled) -}}
{{- fail "metrics.serviceMonitor.enabled is true, but metrics.enabled is false: there is nothing to scrape; enable both or none" -}}
{{- end -}}
{{- end -}}
