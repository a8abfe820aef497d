# Hands rows over to Spillway as NDJSON, row by row.
#
# Spillway calls it as spillway.yaml here says: with the params in the query string, a shared secret in
# X-Export-Secret and the run's id in Spillway-Run. The body is an Enumerator, which the web server asks
# for one piece after the other. When the person who downloads leaves, Spillway closes the connection, and
# the server stops asking.
#
#   # config/routes.rb
#   get "/exports/orders", to: "exports#orders"
class ExportsController < ActionController::API
  COLUMNS = {
    "id" => "integer",
    "placed_at" => "datetime",
    "customer" => "string",
    "total" => "decimal"
  }.freeze

  before_action :require_secret

  def orders
    rows = Order.where(placed_at: Date.iso8601(params.require(:since))..)
    headers["Content-Type"] = "application/x-ndjson"
    # Rack::ETag would read the whole body to hash it.
    headers["Last-Modified"] = Time.now.httpdate
    self.response_body = ndjson(COLUMNS, rows)
  end

  private

  def require_secret
    given = request.headers["X-Export-Secret"].to_s
    head :forbidden unless ActiveSupport::SecurityUtils.secure_compare(given, ENV.fetch("EXPORT_SECRET"))
  end

  # The columns, the rows as arrays, and their number: without it, half a table would look whole.
  def ndjson(columns, rows)
    Enumerator.new do |lines|
      lines << "#{columns.map { |name, type| { name: name, type: type } }.to_json}\n"
      count = 0
      # find_each reads by the primary key, 1,000 rows at a time; times and decimals become text.
      rows.find_each do |row|
        cells = columns.keys.map { |name| row[name] }
        cells.map! { |cell| cell.is_a?(Time) ? cell.utc.iso8601(6) : cell }
        cells.map! { |cell| cell.is_a?(BigDecimal) ? cell.to_s("F") : cell }
        lines << "#{cells.to_json}\n"
        count += 1
      end
      lines << "#{count}\n"
    end
  end
end
