{{/* Selects the pods. It never changes: a Deployment's selector cannot. */}}
{{- define "meshtls.selector" -}}
app.kubernetes.io/name: meshtls
{{- end -}}

{{/* The pods' labels. None changes with the chart alone, so that an upgrade that changes nothing restarts nothing. */}}
{{- define "meshtls.podLabels" -}}
{{ include "meshtls.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: meshtls
sidecar.istio.io/inject: "false"
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Every object's labels. */}}
{{- define "meshtls.labels" -}}
{{ include "meshtls.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: meshtls
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The image: by digest where one is given, else by tag, which is the chart's appVersion by default. */}}
{{- define "meshtls.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Where the pods may run: what highAvailability asks for, and over it what affinity says. */}}
{{- define "meshtls.affinity" -}}
{{- $affinity := dict -}}
{{- if .Values.highAvailability -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "meshtls.selector" . | fromYaml)) -}}
{{- $affinity = dict "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) -}}
{{- end -}}
{{- with mergeOverwrite $affinity .Values.affinity }}{{ toYaml . }}{{ end -}}
{{- end -}}
