// Links riptide::sinks alone: an empty catalogue, made and closed.
#include <filesystem>

#include "riptide/sinks/sqlite_sink.hpp"

int main() {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "riptide-consumer.db";
  std::filesystem::remove(file);
  riptide::sinks::SqliteSink::Options options;
  options.path = file.string();
  options.now = [] { return "2026-01-01T00:00:00Z"; };
  riptide::sinks::SqliteSink sink(options);
  const bool written = sink.open() && sink.finish(riptide::stages::Finish::kComplete);
  return std::filesystem::remove(file) && written ? 0 : 1;
}
