#!/bin/sh
# Signs a link to an export, with the tools of POSIX and openssl.
#
#   sh sign_link.sh SECRET KID PATH EXPIRES [NAME VALUE]...
#
# What runs at the same time can see the arguments of a program: this is for trying links out.
set -eu
export LC_ALL=C

# As encodeURIComponent of JavaScript does, byte by byte.
encode() {
  printf %s "$1" | od -An -v -tu1 | awk '{
    for (i = 1; i <= NF; i++) {
      byte = sprintf("%c", $i + 0)
      printf "%s", byte ~ /[A-Za-z0-9_.!~*\047()-]/ ? byte : sprintf("%%%02X", $i)
    }
  }'
}

pairs() {
  while [ $# -gt 0 ]; do
    printf '%s=%s\n' "$(encode "$1")" "$(encode "$2")"
    shift 2
  done
}

secret=$1 kid=$2 path=$3 expires=$4
shift 4
query=$(pairs _kid "$kid" _exp "$expires" "$@" | sort | paste -s -d '&' -)
signature=$(printf 'spillway-link-v1\nGET\n%s\n%s' "$path" "$query" |
  openssl dgst -sha256 -hmac "$secret" -binary | openssl base64 -A | tr '+/' '-_' | tr -d =)
printf '%s?%s&_sig=%s\n' "$path" "$query" "$signature"
