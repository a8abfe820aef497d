# Signs a link to an export, with Ruby's own library.
#
#   ruby sign_link.rb SECRET KID PATH EXPIRES [NAME VALUE]...

require "openssl"

def sign_link(secret, kid, path, expires, query)
  pairs = [["_kid", kid], ["_exp", expires.to_s], *query]
  # As encodeURIComponent of JavaScript does.
  encode = ->(text) { text.b.gsub(/[^A-Za-z0-9\-_.!~*'()]/n) { |byte| format("%%%02X", byte.ord) } }
  query_string = pairs.map { |pair| pair.map(&encode).join("=") }.sort.join("&")
  text = ["spillway-link-v1", "GET", path, query_string].join("\n")
  digest = OpenSSL::HMAC.digest("SHA256", secret, text)
  signature = [digest].pack("m0").tr("+/", "-_").delete("=")
  "#{path}?#{query_string}&_sig=#{signature}"
end

if __FILE__ == $PROGRAM_NAME
  secret, kid, path, expires, *rest = ARGV
  puts sign_link(secret, kid, path, expires, rest.each_slice(2).to_a)
end
