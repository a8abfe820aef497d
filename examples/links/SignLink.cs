// Signs a link to an export, with the classes of .NET.
//
//   dotnet run SignLink.cs SECRET KID PATH EXPIRES [NAME VALUE]...      (.NET 10)
//   mcs SignLink.cs && mono SignLink.exe SECRET KID PATH EXPIRES [NAME VALUE]...

using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;

public static class SignLink
{
    // As encodeURIComponent of JavaScript does.
    static string Encode(string text) =>
        Uri.EscapeDataString(text).Replace("%21", "!").Replace("%27", "'")
            .Replace("%28", "(").Replace("%29", ")").Replace("%2A", "*");

    static string Sign(string secret, string kid, string path, string expires, string[][] query)
    {
        var pairs = new List<string> { "_kid=" + Encode(kid), "_exp=" + expires };
        foreach (var pair in query) pairs.Add(Encode(pair[0]) + "=" + Encode(pair[1]));
        pairs.Sort(StringComparer.Ordinal);
        var queryString = string.Join("&", pairs);
        var text = string.Join("\n", "spillway-link-v1", "GET", path, queryString);
        using (var hmac = new HMACSHA256(Encoding.UTF8.GetBytes(secret)))
        {
            var digest = hmac.ComputeHash(Encoding.UTF8.GetBytes(text));
            var signature = Convert.ToBase64String(digest)
                .Replace('+', '-').Replace('/', '_').TrimEnd('=');
            return path + "?" + queryString + "&_sig=" + signature;
        }
    }

    public static void Main(string[] args)
    {
        var query = new List<string[]>();
        for (var i = 4; i + 1 < args.Length; i += 2) query.Add(new[] { args[i], args[i + 1] });
        Console.WriteLine(Sign(args[0], args[1], args[2], args[3], query.ToArray()));
    }
}
