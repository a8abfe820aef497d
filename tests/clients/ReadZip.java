import java.io.FileInputStream;
import java.io.IOException;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Streams a ZIP file, as Apache POI does, and prints the name and the size of every entry. */
class ReadZip {
  public static void main(String[] args) throws IOException {
    byte[] buffer = new byte[65536];
    try (ZipInputStream zip = new ZipInputStream(new FileInputStream(args[0]))) {
      for (ZipEntry entry; (entry = zip.getNextEntry()) != null;) {
        long size = 0;
        // The end of an entry is where its CRC-32 and its sizes are compared.
        for (int count; (count = zip.read(buffer)) >= 0;) size += count;
        System.out.println(entry.getName() + " " + size);
      }
    }
  }
}
