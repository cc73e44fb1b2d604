#!/usr/bin/env bash
# Makes the certificates of the TLS tests anew: bash test/support/tls/make.sh
# They are good for a hundred years, so that no test fails because time has passed. The keys protect nothing.
set -euo pipefail
cd "$(dirname "$0")"
rm -f -- *.pem
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
from=20200101000000Z
until=21200101000000Z

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }

# authority NAME: NAME.pem, its key stays in the work folder
authority() {
  key "$work/$1-key.pem"
  mkdir -p "$work/$1" && : > "$work/$1/index.txt" && echo 01 > "$work/$1/serial"
  openssl req -x509 -new -key "$work/$1-key.pem" -days 36500 -subj "/CN=kubemq-es test $1" -out "$1.pem" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
}

# leaf AUTHORITY NAME ALTNAMES USAGE FROM UNTIL: NAME.pem and NAME-key.pem
leaf() {
  key "$2-key.pem"
  cat > "$work/leaf.cnf" <<CNF
[ca]
default_ca = it
[it]
dir = $work/$1
database = $work/$1/index.txt
serial = $work/$1/serial
new_certs_dir = $work/$1
default_md = sha256
policy = any
unique_subject = no
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = $4
subjectAltName = $3
CNF
  openssl req -new -key "$2-key.pem" -subj "/CN=$2" -out "$work/leaf.csr"
  openssl ca -batch -notext -config "$work/leaf.cnf" -cert "$1.pem" -keyfile "$work/$1-key.pem" \
    -startdate "$5" -enddate "$6" -in "$work/leaf.csr" -out "$2.pem"
}

authority ca
authority foreign-ca
leaf ca server "DNS:localhost,IP:127.0.0.1" serverAuth "$from" "$until"
leaf ca server-expired "DNS:localhost,IP:127.0.0.1" serverAuth 20200101000000Z 20210101000000Z
leaf ca server-elsewhere "DNS:elsewhere.example" serverAuth "$from" "$until"
leaf ca client "DNS:client.example" clientAuth "$from" "$until"
leaf foreign-ca client-foreign "DNS:client.example" clientAuth "$from" "$until"
