/*
 * Writes the audit log as a workbook with libxlsxwriter, in its constant-memory mode.
 *
 * Arguments: a file of rows, how many there are, and the path of the workbook. The rows are read into
 * memory first. Then each line on standard input has the workbook written once more, which is answered
 * by a line.
 *
 * A row is ten fields, each ended by a NUL: number, serial, five texts, number, 0 or 1, and a text that
 * is missing where the field is "\x01". The first ten fields are the titles.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xlsxwriter.h>

enum { WIDTH = 10 };

static const char KINDS[WIDTH + 1] = "ndtttttnbt";

typedef union {
  double number;
  const char *text;
} cell;

static void write_workbook(const char *path, const char *const titles[], const cell *cells, size_t rows) {
  lxw_workbook_options options = {.constant_memory = LXW_TRUE};
  lxw_workbook *workbook = workbook_new_opt(path, &options);
  lxw_worksheet *sheet = workbook_add_worksheet(workbook, "Audit log");
  lxw_format *date = workbook_add_format(workbook);
  format_set_num_format(date, "yyyy-mm-dd hh:mm:ss");
  for (lxw_col_t column = 0; column < WIDTH; column++)
    worksheet_write_string(sheet, 0, column, titles[column], NULL);
  for (size_t row = 0; row < rows; row++, cells += WIDTH) {
    lxw_row_t at = (lxw_row_t)row + 1;
    for (lxw_col_t column = 0; column < WIDTH; column++) {
      cell value = cells[column];
      switch (KINDS[column]) {
      case 'n': worksheet_write_number(sheet, at, column, value.number, NULL); break;
      case 'd': worksheet_write_number(sheet, at, column, value.number, date); break;
      case 'b': worksheet_write_boolean(sheet, at, column, value.number != 0, NULL); break;
      default:
        if (value.text != NULL) worksheet_write_string(sheet, at, column, value.text, NULL);
      }
    }
  }
  lxw_error error = workbook_close(workbook);
  if (error != LXW_NO_ERROR) {
    fprintf(stderr, "Cannot write %s: %s\n", path, lxw_strerror(error));
    exit(1);
  }
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    perror(path);
    exit(1);
  }
  size_t size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(size + 1);
  if (bytes == NULL || fread(bytes, 1, size, file) != size) {
    perror(path);
    exit(1);
  }
  bytes[size] = '\0';
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  size_t rows = strtoul(argv[2], NULL, 10);
  const char *field = read_file(argv[1]);
  const char *titles[WIDTH];
  for (int column = 0; column < WIDTH; column++) {
    titles[column] = field;
    field += strlen(field) + 1;
  }
  cell *cells = malloc(rows * WIDTH * sizeof(cell));
  if (cells == NULL) return 1;
  for (size_t index = 0; index < rows * WIDTH; index++) {
    if (KINDS[index % WIDTH] != 't') cells[index].number = strtod(field, NULL);
    else cells[index].text = strcmp(field, "\x01") == 0 ? NULL : field;
    field += strlen(field) + 1;
  }
  for (int byte = getchar(); byte != EOF; byte = getchar()) {
    if (byte != '\n') continue;
    write_workbook(argv[3], titles, cells, rows);
    puts("written");
    fflush(stdout);
  }
  return 0;
}
