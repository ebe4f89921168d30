// A stage of one's own: looks up the owner of each entity in a SQLite database.
//   enrich_from_sqlite SERVICES.csv OWNERS.db CATALOGUE.ndjson
// SERVICES.csv has lines "id,name"; OWNERS.db has a table owners(service TEXT, owner TEXT).
#include <sqlite3.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "riptide/json/document.hpp"
#include "riptide/riptide.hpp"
#include "riptide/sinks/ndjson_sink.hpp"

using riptide::Result;

// One call at a time, since a prepared statement has one user at a time. A lookup in a local file by its key takes
// microseconds; what waits for a network belongs into an asynchronous stage.
class OwnerOf final : public riptide::Stage<riptide::Entity> {
 public:
  explicit OwnerOf(const char* file) {
    sqlite3_open_v2(file, &database_, SQLITE_OPEN_READONLY, nullptr);
    sqlite3_prepare_v2(database_, "SELECT owner FROM owners WHERE service = ?", -1, &lookup_, nullptr);
  }
  ~OwnerOf() override {
    sqlite3_finalize(lookup_);
    sqlite3_close(database_);
  }

  Result<void> process(riptide::Entity& entity, riptide::Emit& emit) override {
    const std::string service = entity.identifier();
    sqlite3_reset(lookup_);
    sqlite3_bind_text(lookup_, 1, service.data(), static_cast<int>(service.size()), SQLITE_TRANSIENT);
    const int found = sqlite3_step(lookup_);
    if (found != SQLITE_ROW && found != SQLITE_DONE)
      return riptide::unexpected(riptide::ErrorKind::kTransport, sqlite3_errmsg(database_));
    if (found == SQLITE_ROW) {
      const char* owner = reinterpret_cast<const char*>(sqlite3_column_text(lookup_, 0));
      if (auto done = entity.set_text("/properties/owner", owner == nullptr ? "" : owner); !done) return done;
    }
    emit(entity);
    return {};
  }
  bool keeps_all() const override { return true; }

 private:
  sqlite3* database_ = nullptr;
  sqlite3_stmt* lookup_ = nullptr;
};

// All lines of a small file as one page.
class Services final : public riptide::LocalSource {
 public:
  explicit Services(std::string file) : file_(std::move(file)) {}
  std::string_view type() const override { return "service"; }
  Result<std::vector<riptide::PageRequest>> start(const std::string&) override {
    return std::vector<riptide::PageRequest>(1);
  }
  Result<riptide::LocalPage> read_page(const std::string&, const riptide::PageRequest&) override {
    std::ifstream file(file_);
    riptide::LocalPage page;
    for (std::string line; std::getline(file, line);) {
      const std::size_t comma = std::min(line.find(','), line.size());
      page.records += R"({"id":)" + riptide::json::quoted(line.substr(0, comma)) + R"(,"name":)" +
                      riptide::json::quoted(line.substr(std::min(comma + 1, line.size()))) + "}\n";
    }
    if (!file.eof()) return riptide::unexpected(riptide::ErrorKind::kTransport, "cannot read: " + file_);
    return page;
  }

 private:
  const std::string file_;
};

int main(int argc, char** argv) {
  if (argc != 4) return std::cerr << "usage: enrich_from_sqlite SERVICES.csv OWNERS.db CATALOGUE.ndjson\n", 2;
  const auto mapping = riptide::Mapping::parse(R"({"resources": [{
      "kind": "service",
      "selector": {"query": "true"},
      "port": {"entity": {"mappings": {"identifier": ".id", "title": ".name", "blueprint": "\"service\""}}}}]})");
  if (!mapping) return std::cerr << mapping.error().message << '\n', 2;

  riptide::Graph graph;
  graph.source("services", std::make_shared<Services>(argv[1]))
      .transform("mapping", *mapping)
      .stage("owner", std::make_shared<OwnerOf>(argv[2]))
      .sink("catalogue", std::make_unique<riptide::sinks::NdjsonSink>(argv[3]));

  riptide::Stop stop;
  const auto report = graph.run(stop);
  if (!report) return std::cerr << report.error().message << '\n', 2;
  std::cout << riptide::to_json(*report);
  return report->exit_code;
}
