// Signs a link to an export, with Java's own classes.
//
//   java SignLink.java SECRET KID PATH EXPIRES [NAME VALUE]...

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLEncoder;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class SignLink {
  /** As encodeURIComponent of JavaScript does. */
  static String encode(String text) {
    return URLEncoder.encode(text, UTF_8)
        .replace("+", "%20").replace("%21", "!").replace("%27", "'")
        .replace("%28", "(").replace("%29", ")").replace("%7E", "~");
  }

  static String signLink(String secret, String kid, String path, String expires, List<String[]> query)
      throws GeneralSecurityException {
    List<String> pairs = new ArrayList<>(List.of("_kid=" + encode(kid), "_exp=" + expires));
    for (String[] pair : query) pairs.add(encode(pair[0]) + "=" + encode(pair[1]));
    Collections.sort(pairs);
    String queryString = String.join("&", pairs);
    String text = String.join("\n", "spillway-link-v1", "GET", path, queryString);
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(secret.getBytes(UTF_8), "HmacSHA256"));
    byte[] digest = mac.doFinal(text.getBytes(UTF_8));
    String signature = Base64.getUrlEncoder().withoutPadding().encodeToString(digest);
    return path + "?" + queryString + "&_sig=" + signature;
  }

  public static void main(String[] args) throws GeneralSecurityException {
    List<String[]> query = new ArrayList<>();
    for (int i = 4; i + 1 < args.length; i += 2) query.add(new String[] {args[i], args[i + 1]});
    System.out.println(signLink(args[0], args[1], args[2], args[3], query));
  }
}
