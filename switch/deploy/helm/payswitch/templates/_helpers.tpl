{{- define "payswitch.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "payswitch.labels" -}}
app.kubernetes.io/name: payswitch
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Labels that select the pods of a process: (dict "root" . "process" "api") */}}
{{- define "payswitch.selector" -}}
app.kubernetes.io/name: payswitch
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end }}

{{/* The image of a process: (dict "root" . "process" "api"). A tag of its own is for the steps of an upgrade. */}}
{{- define "payswitch.image" -}}
{{- $image := .root.Values.image -}}
{{- $tag := (index .root.Values (eq .process "prepare" | ternary "operator" .process)).tag -}}
{{ $image.repository }}{{ if $tag }}:{{ $tag }}{{ else if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The command line of a process. */}}
{{- define "payswitch.args" -}}
{{- list "run" .process | toJson -}}
{{- end }}

{{- define "payswitch.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "payswitch.name" .) -}}
{{- end }}

{{- define "payswitch.claim" -}}
{{- .Values.data.existingClaim | default (printf "%s-data" (include "payswitch.name" .)) -}}
{{- end }}

{{/* The logins of the database that a process gets: setting -> key of the Secret. No other is in its pod. */}}
{{- define "payswitch.logins" -}}
{{- if eq .process "api" -}}
{DATABASE: api, DATABASE_READER: reader}
{{- else if eq .process "pages" -}}
{DATABASE: pages, DATABASE_READER: reader}
{{- else if eq .process "operator" -}}
{DATABASE: owner, DATABASE_PAGES: pages, DATABASE_READER: reader}
{{- else if eq .process "prepare" -}}
{DATABASE: owner}
{{- else -}}
{DATABASE: {{ .process }}}
{{- end -}}
{{- end }}

{{/* The directories of the claim that a process gets; no key of another is in its pod. Empty: the whole claim. */}}
{{- define "payswitch.directories" -}}
{{- if eq .process "api" -}}
[keys, reports, settlement, audit, archive]
{{- else if eq .process "pages" -}}
[keys, people, reports, settlement, audit, archive]
{{- else if eq .process "caretaker" -}}
[keys, reports, settlement, audit, archive, restore]
{{- else if eq .process "writer" -}}
[audit, restore]
{{- else if eq .process "messenger" -}}
[keys]
{{- else -}}
[]
{{- end -}}
{{- end }}

{{/* Whether a process speaks to rails, and so gets their connection files and keys. */}}
{{- define "payswitch.speaksToRails" -}}
{{- if has .process (list "api" "pages" "caretaker" "operator" "prepare") -}}yes{{- end -}}
{{- end }}

{{/* The Secret with the authority (ca.crt) of the database's server; empty: that of the system. */}}
{{- define "payswitch.databaseAuthority" -}}
{{- if eq .Values.database.mode "cloudnativepg" -}}
{{ .Values.database.authority | default (printf "%s-database-ca" (include "payswitch.name" .)) }}
{{- else -}}
{{ .Values.database.authority }}
{{- end -}}
{{- end }}

{{/* Where the clients look for the writer: every pod of the StatefulSet; those that stand by decline. */}}
{{- define "payswitch.writers" -}}
{{- $name := printf "%s-writer" (include "payswitch.name" .) -}}
{{- $found := list -}}
{{- range $number := until (int .Values.writer.replicas) -}}
{{- $found = append $found (printf "tcp+tls://%s-%d.%s:8330" $name $number $name) -}}
{{- end -}}
{{- $found | toJson -}}
{{- end }}

{{/* Environment of a process: (dict "root" . "process" "api") */}}
{{- define "payswitch.environment" -}}
{{- range $name, $value := .root.Values.settings }}
- name: PAYSWITCH_{{ upper $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- $secret := required "database.secret names the Secret with a URL of the database for each login" .root.Values.database.secret }}
{{- range $setting, $key := include "payswitch.logins" . | fromYaml }}
- name: PAYSWITCH_{{ $setting }}
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: {{ $key }}}
{{- end }}
{{- with .root.Values.monitoring.tokenSecret }}
- name: PAYSWITCH_METRICS_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: token}
{{- end }}
{{- if ne .process "prepare" }}
- name: PAYSWITCH_WRITER
  value: {{ include "payswitch.writers" .root | quote }}
- name: PAYSWITCH_WRITER_TLS_CERTIFICATE
  value: /etc/payswitch/tls/tls.crt
- name: PAYSWITCH_WRITER_TLS_KEY
  value: /etc/payswitch/tls/tls.key
- name: PAYSWITCH_WRITER_TLS_CA
  value: /etc/payswitch/tls/ca.crt
{{- end }}
{{- end }}

{{/* What every pod has: (dict "root" . "process" "api") */}}
{{- define "payswitch.pod" -}}
serviceAccountName: {{ include "payswitch.serviceAccount" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ if eq .process "writer" }}DoNotSchedule{{ else }}ScheduleAnyway{{ end }}
    labelSelector:
      matchLabels:
        {{- include "payswitch.selector" . | nindent 8 }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: data
    persistentVolumeClaim:
      claimName: {{ include "payswitch.claim" .root }}
  - name: run
    emptyDir: {}
  - name: tmp
    emptyDir: {}
  {{- if ne .process "prepare" }}
  - name: tls
    secret:
      secretName: {{ include "payswitch.name" .root }}-{{ .process }}-tls
      defaultMode: 0440
  {{- end }}
  {{- with include "payswitch.databaseAuthority" .root }}
  - name: database-authority
    secret:
      secretName: {{ . }}
      items: [{key: ca.crt, path: ca.crt}]
  {{- end }}
  {{- if include "payswitch.speaksToRails" . }}
  {{- range $country, $secret := .root.Values.rails }}
  - name: rail-{{ lower $country }}
    secret:
      secretName: {{ $secret }}
      defaultMode: 0440
  {{- end }}
  {{- end }}
{{- end }}

{{- define "payswitch.container" -}}
image: {{ include "payswitch.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  {{- range $directory := include "payswitch.directories" . | fromYamlArray }}
  - {name: data, mountPath: /data/{{ $directory }}, subPath: {{ $directory }}}
  {{- else }}
  - {name: data, mountPath: /data}
  {{- end }}
  - {name: run, mountPath: /data/run}
  - {name: tmp, mountPath: /tmp}
  {{- if ne .process "prepare" }}
  - {name: tls, mountPath: /etc/payswitch/tls, readOnly: true}
  {{- end }}
  {{- if include "payswitch.databaseAuthority" .root }}
  - {name: database-authority, mountPath: /etc/payswitch/database, readOnly: true}
  {{- end }}
  {{- if include "payswitch.speaksToRails" . }}
  {{- range $country, $secret := .root.Values.rails }}
  - {name: rail-{{ lower $country }}, mountPath: /data/rails/{{ upper $country }}, readOnly: true}
  {{- end }}
  {{- end }}
{{- end }}

{{/* Probes of a process that answers at a port: (dict "port" "http") */}}
{{- define "payswitch.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: {{ .port }}}
  periodSeconds: 2
  failureThreshold: 90
livenessProbe:
  httpGet: {path: /livez, port: {{ .port }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 4
readinessProbe:
  httpGet: {path: /readyz, port: {{ .port }}}
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}
