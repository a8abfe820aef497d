/** Makes a text the message of a log line: its braces are no placeholders. */
export function asTemplate(text: string): string {
  return text.replaceAll(/[{}]/g, "$&$&");
}
