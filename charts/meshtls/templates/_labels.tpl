{{- define "meshtls.labels" -}}
app.kubernetes.io/name: meshtls
{{- end -}}
