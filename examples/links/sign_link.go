// Signs a link to an export, with Go's own packages.
//
//	go run sign_link.go SECRET KID PATH EXPIRES [NAME VALUE]...
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strings"
)

// As encodeURIComponent of JavaScript does.
var plain = strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")

func encode(text string) string {
	return plain.Replace(url.QueryEscape(text))
}

func signLink(secret, kid, path, expires string, query [][2]string) string {
	pairs := append([][2]string{{"_kid", kid}, {"_exp", expires}}, query...)
	encoded := make([]string, len(pairs))
	for i, pair := range pairs {
		encoded[i] = encode(pair[0]) + "=" + encode(pair[1])
	}
	sort.Strings(encoded)
	queryString := strings.Join(encoded, "&")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{"spillway-link-v1", "GET", path, queryString}, "\n")))
	return path + "?" + queryString + "&_sig=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func main() {
	args := os.Args[1:]
	var query [][2]string
	for i := 4; i+1 < len(args); i += 2 {
		query = append(query, [2]string{args[i], args[i+1]})
	}
	fmt.Println(signLink(args[0], args[1], args[2], args[3], query))
}
