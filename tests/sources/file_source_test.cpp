#include "riptide/sources/file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>

#include "file/record_finder.hpp"
#include "riptide/stages/file_reader.hpp"
#include "riptide/stages/file_request.hpp"
#include "walk_source.hpp"

namespace riptide::sources::file {
namespace {

using pipeline::ErrorKind;
using stages::FilePart;
using stages::FileRequest;
using stages::FileShape;
using stages::Request;
using stages::SourceResource;
using test::answer;
using test::Walk;
using test::walk_source;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::unique_ptr<FileSource> source_of(Options options) { return *FileSource::create(std::move(options)); }

SourceResource resource(std::uint32_t index, std::vector<std::pair<std::string, std::string>> selector = {}) {
  return {index, "kind", std::move(selector)};
}

std::string message_of(const Options& options, const std::vector<SourceResource>& resources) {
  auto started = source_of(options)->start(resources);
  if (started) return "";
  EXPECT_EQ(started.error().kind, ErrorKind::kConfig);
  return started.error().message;
}

TEST(FileSource, SaysWhatIsWrongBeforeAnythingIsRead) {
  EXPECT_THAT(message_of({}, {}), HasSubstr("identifier: .id"));
  EXPECT_THAT(message_of({}, {resource(2)}), HasSubstr("OCEAN__INTEGRATION__CONFIG__PATH"));
  EXPECT_THAT(message_of({}, {resource(0, {{"path", "7"}})}), HasSubstr("selector.path must be a path"));
  EXPECT_THAT(message_of({}, {resource(0, {{"paths", "[\"a\", 7]"}})}), HasSubstr("selector.paths must be a path"));
  EXPECT_THAT(message_of({}, {resource(0, {{"path", "\"\""}})}), HasSubstr("selector.path must be a path"));
  EXPECT_THAT(message_of({.paths = {"a"}}, {resource(0, {{"format", "\"csv\""}})}), HasSubstr("auto, ndjson or array"));
  EXPECT_THAT(message_of({.paths = {"a"}}, {resource(0, {{"file", "\"a\""}})}),
              HasSubstr("selector.file is not known"));
  EXPECT_THAT(message_of({.paths = {"-"}}, {resource(0), resource(1, {{"format", "\"array\""}})}),
              HasSubstr("only once"));
  EXPECT_EQ(message_of({.paths = {"-"}}, {resource(0), resource(1)}), "");
  EXPECT_FALSE(FileSource::create({.format = "xml"}));
}

TEST(FileSource, BlocksThatReadTheSameShareIt) {
  const auto requests =
      *source_of({.paths = {"a.ndjson", "b"}})
           ->start(std::vector{resource(0), resource(1), resource(3, {{"path", R"("b")"}, {"paths", R"(["c"])"}}),
                               resource(4, {{"format", R"("array")"}, {"path", R"("c")"}})});
  std::vector<std::string> told;
  for (const Request& request : requests) {
    told.push_back(fmt::format("{}:{}", request.scope->partition, fmt::join(request.scope->dependents, ",")));
    EXPECT_THAT(request.scope->resources, IsEmpty());
  }
  EXPECT_THAT(told, ElementsAre("a.ndjson:0,1", "b:0,1,3", "c (array):4", "c:3"));
}

TEST(FileSource, AListingNamesOneScopeAFile) {
  const auto source = source_of({.paths = {"exports"}});
  const Request request = source->start(std::vector{resource(0)})->front();
  EXPECT_EQ(source->render(request).url, "file:exports?ask=list");
  json::Document document;
  const auto step = source->read(request, answer(200, R"(["exports/a%20b.ndjson", "exports/c.json"])"), document);
  ASSERT_TRUE(step) << step.error().message;
  ASSERT_EQ(step->next.size(), 2u);
  EXPECT_EQ(step->next[0].scope->partition, "exports/a b.ndjson");
  EXPECT_THAT(step->next[0].scope->resources, ElementsAre(0));
  EXPECT_EQ(source->render(step->next[0]).url,
            "file:exports/a%20b.ndjson?ask=read&shape=unknown&at=0&bytes=" + std::to_string(kPageBytes));
  for (const char* body : {"", "{}", "[1]", "[\"a\"", "[\"a\",]", "null"}) {
    const auto wrong = source->read(request, answer(200, body), document);
    ASSERT_FALSE(wrong) << body;
    EXPECT_EQ(wrong.error().kind, ErrorKind::kMalformed);
  }
}

TEST(FileUrl, IsReadAsItWasWritten) {
  const FileRequest requests[] = {
      {.ask = FileRequest::Ask::kList, .path = "a/b c/*.nd?son"},
      {.path = "-", .at = 7, .bytes = 9, .shape = FileShape::kLines},
      {.path = "/%41\xff&=#\n", .at = UINT64_MAX, .shape = FileShape::kValues, .within_array = true},
  };
  for (const FileRequest& request : requests) {
    const std::string url = file_url(request);
    EXPECT_EQ(url.find_first_of(" \n#"), std::string::npos);
    auto read = stages::file_request(url);
    ASSERT_TRUE(read) << url;
    EXPECT_EQ(*read, request) << url;
  }
  for (const char* url :
       {"", "http://a/b", "file:", "file:?ask=read", "file:a?ask=write", "file:a?at=x", "file:a?at=-1",
        "file:a?bytes=99999999999999999999", "file:a?shape=", "file:a?b", "file:a?b=1", "file:a%00b"}) {
    EXPECT_FALSE(stages::file_request(url)) << url;
  }
}

// Records of a page that begins and ends anywhere a page may.
std::vector<std::string> found(std::string_view text, RecordFinder::Between between, RecordFinder::Found expected) {
  pipeline::RecordSet records;
  RecordFinder finder(between);
  EXPECT_EQ(finder.find(text, true, records), expected) << text;
  std::vector<std::string> all;
  for (const auto& span : records.spans) all.emplace_back(text.substr(span.begin, span.length));
  all.push_back(std::to_string(static_cast<int>(finder.between())));
  return all;
}

TEST(RecordFinder, KnowsWhereRecordsAre) {
  using enum RecordFinder::Between;
  using enum RecordFinder::Found;
  EXPECT_THAT(found(" {\"a\":[1]} \n{}", kValues, kAll), ElementsAre("{\"a\":[1]}", "{}", "0"));
  EXPECT_THAT(found("[{}, [1], \"],\\\"\", 1 ,null]2", kValues, kAll),
              ElementsAre("{}", "[1]", "\"],\\\"\"", "1", "null", "2", "0"));
  EXPECT_THAT(found("[ ] [ {}", kValues, kAll), ElementsAre("{}", "2"));
  EXPECT_THAT(found("\xEF\xBB\xBF[", kValues, kAll), ElementsAre("1"));
  EXPECT_THAT(found(", {}, ", kElements, kAll), ElementsAre("{}", "3"));
  EXPECT_THAT(found("{}]", kAfterComma, kAll), ElementsAre("{}", "0"));
  EXPECT_THAT(found("]", kFirst, kAll), ElementsAre("0"));
  EXPECT_THAT(found("{]", kFirst, kAll), ElementsAre("{]", "2")) << "whoever maps it says so";
  EXPECT_THAT(found("[{}{}]", kValues, kMalformed), ElementsAre("{}", "2"));
  EXPECT_THAT(found("[,1]", kValues, kMalformed), ElementsAre("1"));
  EXPECT_THAT(found("[1,]", kValues, kMalformed), ElementsAre("1", "3"));
  EXPECT_THAT(found("}", kValues, kMalformed), ElementsAre("0"));
  EXPECT_THAT(found("{}]", kValues, kMalformed), ElementsAre("{}", "0"));
  EXPECT_THAT(found("[{\"a\":", kValues, kOpenEnd), ElementsAre("1"));
  EXPECT_THAT(found("\"a", kValues, kOpenEnd), ElementsAre("0"));
}

// A real reader of real files, one request after the other.
class FilesTest : public ::testing::Test {
 protected:
  FilesTest()
      : directory_(std::filesystem::temp_directory_path() / fmt::format("riptide_files_{}", ::getpid())),
        reader_(*stages::FileReader::start({.name = "test", .max_body_bytes = 1 << 20})) {
    std::filesystem::create_directories(directory_);
  }
  ~FilesTest() override {
    reader_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string write(const std::string& name, std::string_view text) const {
    const std::string path = (directory_ / name).string();
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string write_packed(const std::string& name, std::string_view text) const {
    const std::string path = (directory_ / name).string();
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return path;
  }

  stages::HttpResponse ask(const stages::HttpRequest& request) const {
    std::promise<pipeline::Result<stages::HttpResponse>> promise;
    stages::Send send;
    send.request = request;
    send.done = [&promise](pipeline::Result<stages::HttpResponse> result) { promise.set_value(std::move(result)); };
    reader_->send(std::move(send));
    auto result = promise.get_future().get();
    return result ? *std::move(result) : answer(500, result.error().message);
  }
  Walk walk(const Options& options) const {
    return walk_source(*source_of(options), std::vector{resource(0)},
                       [this](const stages::HttpRequest& request) { return ask(request); });
  }

  static std::vector<std::string> records_of(const Walk& walk) {
    std::vector<std::string> all;
    for (const test::Visit& visit : walk.visits) {
      for (std::string& record : visit.records()) all.push_back(std::move(record));
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  const std::filesystem::path directory_;
  std::unique_ptr<stages::FileReader> reader_;
};

// A record of any shape, on one line or on several.
std::string some_record(std::mt19937& random, std::size_t number, bool one_line) {
  const std::string space = one_line ? " " : "\n  ";
  std::string text = "{" + space + "\"id\":" + space + std::to_string(number);
  static constexpr std::string_view kValues[] = {
      R"("plain")", R"("br[ac]{k}ets")", R"("quo\"te\\")", R"({"a":[1,{"b":[]}]})", "[]", "null",
      "-1.5e3",     R"("\u00e9é")"};
  for (auto fields = random() % 4; fields > 0; --fields) {
    text += "," + space + "\"f" + std::to_string(fields) + "\":" + std::string(kValues[random() % std::size(kValues)]);
  }
  if (random() % 20 == 0) text += ",\"long\":\"" + std::string(random() % 3000, 'x') + "\"";
  return text + "}";
}

TEST_F(FilesTest, WhateverTheFormAndThePageEveryRecordIsReadOnce) {
  std::mt19937 random(20240817);
  for (int round = 0; round < 60; ++round) {
    const bool one_line = round % 3 != 0;
    std::vector<std::string> records;
    for (auto count = random() % 60; count > 0; --count) records.push_back(some_record(random, count, one_line));
    std::string lines;
    std::string array = "[";
    for (const std::string& record : records) {
      lines += record + (random() % 5 == 0 ? "\r\n\n" : "\n");
      array += (array.size() > 1 ? (random() % 2 == 0 ? "," : " ,\n ") : " ") + record;
    }
    array += " ]";
    if (random() % 2 == 0) lines.resize(lines.empty() ? 0 : lines.find_last_not_of("\r\n") + 1);
    std::sort(records.begin(), records.end());
    const std::uint64_t page_bytes = 1 + random() % (round % 2 == 0 ? 100 : 5000);
    const std::string forms[] = {write("lines", lines), write_packed("lines.gz", lines), write("array", array),
                                 write_packed("array.gz", array), write("both", array + "\n" + array)};
    for (const std::string& path : forms) {
      const bool is_lines = path.find("lines") != std::string::npos;
      const Walk whole =
          walk({.paths = {path}, .format = is_lines && !one_line ? "array" : "auto", .page_bytes = page_bytes});
      ASSERT_THAT(whole.errors, IsEmpty()) << path << " round " << round;
      ASSERT_THAT(whole.open(), IsEmpty()) << path << " round " << round;
      std::vector<std::string> expected = records;
      if (path.ends_with("both")) expected.insert(expected.end(), records.begin(), records.end());
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(records_of(whole), expected) << path << " round " << round << ", pages of " << page_bytes;
    }
  }
}

TEST_F(FilesTest, EveryPageKnowsItsLine) {
  std::string text = "\xEF\xBB\xBF";
  for (int i = 1; i <= 300; ++i) text += fmt::format("{{\"line\":{}}}\n{}", i, i % 7 == 0 ? "" : "");
  std::string array = "[";
  for (int i = 1; i <= 300; ++i) array += fmt::format("{}{{\"line\":{}}}", i == 1 ? "" : ",\n", i);
  for (const std::string& path : {write("a", text), write_packed("b", text), write("c", array + "]")}) {
    for (const std::uint64_t bytes : {7, 40, 1000}) {
      const Walk whole = walk({.paths = {path}, .page_bytes = bytes});
      ASSERT_THAT(whole.open(), IsEmpty());
      std::size_t seen = 0;
      for (const test::Visit& visit : whole.visits) {
        for (const auto& span : visit.step.records.spans) {
          ASSERT_TRUE(visit.step.begins && visit.step.begins->line) << path;
          const std::string_view body = visit.page()->view();
          const auto line = *visit.step.begins->line +
                            static_cast<std::uint64_t>(std::count(body.begin(), body.begin() + span.begin, '\n'));
          ASSERT_EQ(body.substr(span.begin, span.length), fmt::format("{{\"line\":{}}}", line)) << path << " " << bytes;
          ++seen;
        }
      }
      EXPECT_EQ(seen, 300u) << path;
    }
  }
}

TEST_F(FilesTest, AnEmptyFileIsReadToItsEnd) {
  for (const std::string& path : {write("a", ""), write("b", " \n\n "), write_packed("c.gz", ""), write("d", "[ ]")}) {
    const Walk whole = walk({.paths = {path}});
    EXPECT_THAT(whole.open(), IsEmpty()) << path;
    EXPECT_THAT(records_of(whole), IsEmpty());
  }
}

TEST_F(FilesTest, WhatCannotBeReadToItsEndStaysOpenAndTheRestIsRead) {
  const std::string good = "{\"a\":1}\n{\"a\":2}\n";
  std::string packed;
  {
    const std::string path = write_packed("whole.gz", good + std::string(100'000, ' ') + good);
    std::ifstream in(path, std::ios::binary);
    packed.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::string damaged = packed;
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] + 1);  // the checksum
  struct Case {
    std::string path;
    std::size_t records;
    std::string error;
  };
  const Case cases[] = {
      {write("cut.gz", packed.substr(0, packed.size() - 12)), 2, "gzip data ends early"},
      {write("damaged.gz", damaged), 4, "gzip data is damaged"},
      {write("head.gz", packed.substr(0, 5)), 0, "gzip data ends early"},
      {write("open", "[{\"a\":1},{\"a\":2},"), 2, "ends in the middle of an array"},
      {write("inside", "[{\"a\":1},{\"a\":2},{\"a\""), 2, "in the middle of a record that begins at byte 17 (line 1)"},
      {write("commas", "[{\"a\":1}\n{\"a\":2}]"), 0, "this is not JSON at byte 9 (line 2)"},
      {write("string", "[{\"a\":1},\n{\"a\": \"b\nc\"}]"), 1, "line break in a string"},
      {write("huge", "[{\"a\":\"" + std::string(2 << 20, 'x') + "\"}]"), 0, "OCEAN__RIPTIDE__MEMORY"},
      {write("huge.ndjson", good + "{\"a\":\"" + std::string(2 << 20, 'x') + "\"}\n"), 0, "OCEAN__RIPTIDE__MEMORY"},
      {(directory_ / "nothing").string(), 0, "No such file"},
      {(directory_ / "*.none").string(), 0, "no file matches"},
  };
  for (const Case& one : cases) {
    const Walk broken = walk({.paths = {one.path}});
    EXPECT_THAT(broken.open(), ElementsAre(HasSubstr(one.error))) << one.path;
    EXPECT_EQ(records_of(broken).size(), one.records) << one.path;
    EXPECT_FALSE(broken.endless);
  }
}

TEST_F(FilesTest, DirectoriesAndPatternsNameFiles) {
  for (const char* name :
       {"x/b.ndjson", "x/a.json.gz", "x/.hidden.json", "x/readme.md", "x/y/c.jsonl", "x/y/z/d.json"}) {
    write(name, "{}\n");
  }
  std::filesystem::create_directory_symlink(directory_ / "x", directory_ / "x/y/loop");
  const auto files = [&](const std::string& pattern) {
    std::vector<std::string> all;
    for (const auto& scope : walk({.paths = {(directory_ / pattern).string()}}).scopes) {
      if (scope.spec->resources.empty()) continue;
      EXPECT_TRUE(scope.closed) << scope.error;
      all.push_back(std::filesystem::relative(scope.spec->partition, directory_ / "x").string());
    }
    return all;
  };
  EXPECT_THAT(files("x"), ElementsAre("a.json.gz", "b.ndjson"));
  EXPECT_THAT(files("x/*"), ElementsAre("a.json.gz", "b.ndjson", "readme.md"));
  EXPECT_THAT(files("x/[a-b].*json*"), ElementsAre("a.json.gz", "b.ndjson"));
  EXPECT_THAT(files("x/**/*.json*"), ElementsAre("a.json.gz", "y/c.jsonl", "y/z/d.json"));
  EXPECT_THAT(files("*/y/?.jsonl"), ElementsAre("y/c.jsonl"));
  EXPECT_THAT(files("x/b.ndjson"), ElementsAre("b.ndjson"));
  write("odd/[a].ndjson", "{}\n");
  EXPECT_THAT(files("odd/[a].ndjson"), ElementsAre("../odd/[a].ndjson")) << "what is there by that name is no pattern";
  std::filesystem::create_directory(directory_ / "empty");
  EXPECT_THAT(walk({.paths = {(directory_ / "empty").string()}}).open(), ElementsAre(HasSubstr("there is no .ndjson")));
}

TEST_F(FilesTest, AFileThatIsWrittenToStaysOpen) {
  for (const bool packed : {false, true}) {
    std::string text;
    for (int i = 0; i < (packed ? 20000 : 50); ++i) text += fmt::format("{{\"a\":{}}}\n", i);
    const std::string path = packed ? write_packed("grows.gz", text) : write("grows", text);
    int asked = 0;
    const Walk grown = walk_source(*source_of({.paths = {path}, .page_bytes = 50}), std::vector{resource(0)},
                                   [&](const stages::HttpRequest& request) {
                                     if (++asked == 4) std::ofstream(path, std::ios::app) << "{\"a\":50}\n";
                                     return ask(request);
                                   });
    EXPECT_THAT(grown.open(), ElementsAre(HasSubstr("written to while it was read"))) << packed;
    EXPECT_LT(asked, 12);
  }
}

TEST_F(FilesTest, IsPureAndKeepsWithinItsPages) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += fmt::format("{{\"a\":{},\"b\":[\"x\"]}}\n", i);
  const std::string path = write("a", text);
  const std::string array = write("b", "[" + std::string(10, ' ') + R"({"a":1},{"b":"]"},[1]])");
  const auto one = source_of({.paths = {path, array}, .page_bytes = 100});
  const Walk whole = walk({.paths = {path, array}, .page_bytes = 100});
  ASSERT_THAT(whole.open(), IsEmpty());
  json::Document document;
  std::mt19937 random(7);
  for (const test::Visit& visit : whole.visits) {
    const auto again = one->read(visit.request, visit.response, document);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->records.spans.size(), visit.step.records.spans.size());
    EXPECT_EQ(again->edges, visit.step.edges);
    EXPECT_EQ(again->total, visit.step.total);
    ASSERT_EQ(again->next.size(), visit.step.next.size());
    for (std::size_t i = 0; i < again->next.size(); ++i) EXPECT_EQ(again->next[i].cursor, visit.step.next[i].cursor);
    for (int round = 0; round < 300; ++round) {
      stages::HttpResponse response = visit.response;
      std::string body(response.body->view());
      if (body.empty()) continue;
      static constexpr std::string_view kBytes = "{}[]\",\\ \n0\xff";
      for (int edits = 0; edits < 3; ++edits) body[random() % body.size()] = kBytes[random() % kBytes.size()];
      response.body = pipeline::make_page(body);
      const auto step = one->read(visit.request, response, document);
      if (!step) continue;
      for (const auto& span : step->records.spans) {
        ASSERT_GT(span.length, 0u);
        ASSERT_LE(std::size_t{span.begin} + span.length, body.size());
      }
      for (const Request& next : step->next) EXPECT_TRUE(stages::file_request(one->render(next).url));
    }
  }
}

TEST_F(FilesTest, WhatIsNoAnswerOfAReaderIsAnError) {
  const auto source = source_of({.paths = {"a"}});
  json::Document document;
  Request request = source->start(std::vector{resource(0)})->front();
  request = source->read(request, answer(200, "[\"a\"]"), document)->next.front();
  EXPECT_EQ(source->read(request, answer(200, "{}"), document).error().kind, ErrorKind::kMalformed);
  EXPECT_EQ(source->read(request, answer(404, "{}"), document).error().kind, ErrorKind::kNotFound);
  request.cursor = "nonsense";
  request.context = std::make_shared<const std::string>("3:x");
  EXPECT_TRUE(stages::file_request(source->render(request).url));
}

TEST_F(FilesTest, APipeIsReadOnceAndAStopEndsTheWaiting) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto reader = *stages::FileReader::start({.name = "pipe", .standard_input = ends[0]});
  const std::string text = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}";
  ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  const auto send = [&](const FileRequest& request) {
    auto promise = std::make_shared<std::promise<pipeline::Result<stages::HttpResponse>>>();
    auto future = promise->get_future();
    stages::Send one;
    one.request.url = stages::file_url(request);
    one.done = [promise](pipeline::Result<stages::HttpResponse> result) { promise->set_value(std::move(result)); };
    reader->send(std::move(one));
    return future;
  };
  const auto first = send({.path = "-", .bytes = 8}).get();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->body->view(), "{\"a\":1}\n{\"a\":2}\n");
  EXPECT_EQ(FilePart::of(*first)->line, 1u);
  const auto again = send({.path = "-", .at = 3, .bytes = 8, .shape = FileShape::kLines}).get();
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("only once"));
  auto waits = send({.path = "-", .at = 16, .bytes = 100, .shape = FileShape::kLines});
  EXPECT_EQ(waits.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  reader->drain();
  const auto stopped = waits.get();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::kStopped);
  EXPECT_EQ(send({.path = "/nothing"}).get().error().kind, ErrorKind::kStopped);
  reader.reset();
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(FilesTest, BodiesKeepWithinTheirCredit) {
  pipeline::CreditPool pool("bodies", 10'000);
  auto reader = *stages::FileReader::start({.name = "credit", .max_body_bytes = 10'000, .body_credits = &pool});
  const std::string line = "{\"a\":\"" + std::string(90, 'x') + "\"}\n";
  std::string text;
  for (int i = 0; i < 100; ++i) text += line;
  const std::string packed = write_packed("a.gz", text);
  const auto ask_with = [&](std::size_t credit, std::uint64_t bytes) {
    std::promise<pipeline::Result<stages::HttpResponse>> promise;
    stages::Send send;
    send.request.url = stages::file_url({.path = packed, .bytes = bytes, .shape = FileShape::kLines});
    send.credit = *pool.try_take(credit);
    send.done = [&promise](pipeline::Result<stages::HttpResponse> result) { promise.set_value(std::move(result)); };
    reader->send(std::move(send));
    return promise.get_future().get();
  };
  {
    const auto taken = *pool.try_take(9'000);
    const auto refused = ask_with(500, 4'000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kLimit);
    EXPECT_NE(refused.error().retry.when, pipeline::Retry::When::kNever);
  }
  const auto answered = ask_with(5'000, 4'000);
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_EQ(answered->body->view(), std::string_view(text).substr(0, answered->body->size())) << "nothing was lost";
  EXPECT_EQ(answered->body->size() % line.size(), 0u);
}

}  // namespace
}  // namespace riptide::sources::file
