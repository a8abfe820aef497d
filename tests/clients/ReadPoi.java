import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.SAXParserFactory;
import org.apache.poi.openxml4j.opc.OPCPackage;
import org.apache.poi.ss.util.CellReference;
import org.apache.poi.xssf.eventusermodel.ReadOnlySharedStringsTable;
import org.apache.poi.xssf.eventusermodel.XSSFReader;
import org.apache.poi.xssf.usermodel.XSSFRichTextString;
import org.xml.sax.Attributes;
import org.xml.sax.InputSource;
import org.xml.sax.helpers.DefaultHandler;

/**
 * Prints what Apache POI's event API reads of a workbook: a line of JSON for each sheet's name and
 * for each row. POI opens the package, as a stream, finds the parts, reads the shared strings and
 * decodes the text.
 *
 * <p>Its other API cannot be asked: XSSFWorkbook of Debian's POI 4.0.1 opens no workbook at all, as
 * the classes of its schemas are those of an older XMLBeans than the one that Debian has
 * (NoClassDefFoundError: org/apache/xmlbeans/metadata/system/…/TypeSystemHolder).
 */
class ReadPoi {
  private static MethodHandle decoder;

  public static void main(String[] args) throws Exception {
    // What XSSFRichTextString.getString() ends with; all before it needs those classes.
    decoder =
        MethodHandles.privateLookupIn(XSSFRichTextString.class, MethodHandles.lookup())
            .findStatic(
                XSSFRichTextString.class,
                "utfDecode",
                MethodType.methodType(String.class, String.class));
    BufferedOutputStream buffer =
        new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16);
    PrintStream out = new PrintStream(buffer, false, "UTF-8");
    try (OPCPackage file = OPCPackage.open(new FileInputStream(args[0]))) {
      ReadOnlySharedStringsTable strings = new ReadOnlySharedStringsTable(file);
      XSSFReader.SheetIterator sheets =
          (XSSFReader.SheetIterator) new XSSFReader(file).getSheetsData();
      SAXParserFactory parsers = SAXParserFactory.newInstance();
      while (sheets.hasNext()) {
        try (InputStream sheet = sheets.next()) {
          out.println(json(sheets.getSheetName()));
          parsers.newSAXParser().parse(new InputSource(sheet), new Cells(out, strings));
        }
      }
    }
    out.flush();
  }

  /** The cells of a sheet, as XSSFSheetXMLHandler takes them, but for their formats. */
  private static class Cells extends DefaultHandler {
    private final PrintStream out;
    private final ReadOnlySharedStringsTable strings;
    private final StringBuilder text = new StringBuilder();
    private List<String> row;
    private int rows;
    private int column;
    private String type;
    private String value;

    Cells(PrintStream out, ReadOnlySharedStringsTable strings) {
      this.out = out;
      this.strings = strings;
    }

    @Override
    public void startElement(String uri, String local, String name, Attributes attributes) {
      if (name.equals("row")) {
        row = new ArrayList<>();
        while (++rows < Integer.parseInt(attributes.getValue("r"))) out.println("[]");
      }
      if (name.equals("c")) {
        column = new CellReference(attributes.getValue("r")).getCol();
        type = attributes.getValue("t");
        value = null;
      }
      text.setLength(0);
    }

    @Override
    public void characters(char[] units, int start, int length) {
      text.append(units, start, length);
    }

    @Override
    public void endElement(String uri, String local, String name) {
      if (name.equals("v") || name.equals("t")) value = text.toString();
      if (name.equals("c") && value != null) {
        while (row.size() < column) row.add("null");
        row.add(cell());
      }
      if (name.equals("row")) out.println("[" + String.join(",", row) + "]");
    }

    // The text as it is in the part: what is not deprecated needs those classes too.
    @SuppressWarnings("deprecation")
    private String cell() {
      if (type == null || type.equals("n")) return value;
      if (type.equals("b")) return value.equals("1") ? "true" : "false";
      if (type.equals("s")) return json(decoded(strings.getEntryAt(Integer.parseInt(value))));
      return json(decoded(value));
    }
  }

  private static String decoded(String text) {
    try {
      return (String) decoder.invokeExact(text);
    } catch (Throwable error) {
      throw new IllegalStateException(error);
    }
  }

  private static String json(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (int at = 0; at < text.length(); at++) {
      char unit = text.charAt(at);
      if (unit == '"' || unit == '\\') json.append('\\').append(unit);
      else if (unit < ' ') json.append(String.format("\\u%04x", (int) unit));
      else json.append(unit);
    }
    return json.append('"').toString();
  }
}
