#include "paging_guess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "paging.hpp"
#include "riptide/stages/server_url.hpp"

namespace riptide::sources::custom {
namespace {

using Words = std::initializer_list<std::string_view>;

bool among(std::string_view word, Words words) { return std::find(words.begin(), words.end(), word) != words.end(); }

bool names_page(std::string_view word) {
  return among(word, {"page", "p", "pageno", "pagenum", "pagenumber", "pageindex"});
}
bool names_offset(std::string_view word) {
  return among(word, {"offset", "skip", "start", "startat", "startindex", "from", "sysparmoffset"});
}
bool names_size(std::string_view word) {
  return among(word, {"limit", "size", "perpage", "pagesize", "itemsperpage", "count", "maxresults", "take", "top",
                      "rows", "n", "sysparmlimit", "pagelimit"});
}
bool names_cursor(std::string_view word) {
  return among(word, {"cursor", "after", "pagetoken", "nexttoken", "continuation", "continuationtoken", "marker",
                      "bookmark", "scrollid", "startingafter", "nextcursor", "nextpagetoken"});
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > 1'000'000'000) {
    return std::nullopt;
  }
  return number;
}

std::string decoded_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

/// Collects the signs of one answer, then puts guesses together from them.
class Guesser {
 public:
  explicit Guesser(const PagingEvidence& evidence) : evidence_(evidence) {}

  std::vector<ProposedPaging> guesses() {
    find_sizes();
    find_totals();
    find_more();
    find_links();
    const auto numbers = by_number();
    const bool counted = base_.total_path.size() + base_.total_pages_path.size() > 0 || header_total_;
    if (numbers && counted) out_.push_back(*numbers);
    if (link_) out_.push_back(*link_);
    if (header_link_) out_.push_back(*header_link_);
    if (auto cursor = by_cursor()) out_.push_back(*std::move(cursor));
    if (numbers && !counted) out_.push_back(*numbers);
    if (out_.empty()) link_to_come();
    if (out_.empty()) blind();
    for (ProposedPaging& guess : out_) guess.expects_more = expects_more();
    ProposedPaging& none = out_.emplace_back();
    none.pagination = {};
    none.why = expects_more() ? "the answer says that there is more, but not how to ask for it: see paginationType in "
                                "docs/sources.md"
                              : "nothing in the answer says that there are more pages";
    return std::move(out_);
  }

 private:
  [[nodiscard]] const std::string* asked_for(bool (*named)(std::string_view)) const {
    for (const auto& [name, value] : evidence_.asked.query) {
      if (named(squeezed(name)) && is_paging_parameter(name, value)) return &name;
    }
    return nullptr;
  }
  [[nodiscard]] std::optional<std::uint64_t> asked_number(std::string_view name) const {
    for (const auto& [key, value] : evidence_.asked.query) {
      if (key == name) return number_in(value);
    }
    return std::nullopt;
  }
  [[nodiscard]] const Fact* fact(Words words, bool (*fits)(const Fact&)) const {
    for (const std::string_view word : words) {
      for (const Fact& fact : evidence_.facts.scalars) {
        if (fact.word() == word && !fact.dotted().empty() && fits(fact)) return &fact;
      }
    }
    return nullptr;
  }
  static bool counts(const Fact& fact) { return fact.count().has_value(); }

  void find_sizes() {
    base_.page_size = std::max<std::uint64_t>(evidence_.records, 1);
    if (const std::string* const name = asked_for(&names_size)) {
      const auto size = asked_number(*name);
      if (size && *size > 0 && *size <= 1'000'000) {
        base_.size_param = *name;
        base_.page_size = *size;
        size_why_ = fmt::format("{}={} in the address", shown(*name), *size);
        size_declared_ = true;
        return;
      }
    }
    const Fact* const declared =
        fact({"perpage", "pagesize", "itemsperpage", "limit", "maxresults", "size", "rows"}, &counts);
    if (declared != nullptr && *declared->count() >= base_.page_size && *declared->count() <= 1'000'000) {
      base_.page_size = *declared->count();
      base_.size_param = declared->keys.back();
      size_why_ = fmt::format("{} is {}", shown(declared->dotted()), base_.page_size);
      size_declared_ = true;
    }
    if (size_why_.empty()) size_why_ = fmt::format("{} records in the first page", evidence_.records);
  }

  void find_totals() {
    const std::uint64_t records = evidence_.records;
    const Fact* total = fact({"totalcount", "totalrecords", "totalelements", "totalresults", "totalitems", "total",
                              "totalhits", "totalsize", "numfound", "recordstotal", "recordcount", "resultcount"},
                             &counts);
    if (total != nullptr && *total->count() < records) total = nullptr;
    if (total == nullptr) {  // These can be of this page as well.
      for (const Fact& fact : evidence_.facts.scalars) {
        const bool inside = fact.word() == "value" && among(fact.parent(), {"total", "totalhits"});
        const bool plain =
            among(fact.word(), {"count", "odatacount", "totalnum"}) && fact.count().value_or(0) > records;
        if ((inside || plain) && !fact.dotted().empty() && fact.count().value_or(0) >= records) total = &fact;
      }
    }
    if (total != nullptr) {
      base_.total_path = total->dotted();
      total_ = total->count();
      total_why_ = fmt::format("{} is {}", shown(base_.total_path), *total_);
    }
    const Fact* const pages = fact({"totalpages", "pagecount", "numpages", "pagestotal", "lastpage", "pages"}, &counts);
    if (pages != nullptr && *pages->count() > 0) {
      base_.total_pages_path = pages->dotted();
      pages_ = pages->count();
      total_why_ += fmt::format("{}{} is {}", total_why_.empty() ? "" : ", ", shown(base_.total_pages_path), *pages_);
    }
    if (total_ || pages_) return;
    for (const stages::Header& header : evidence_.answer.headers) {
      const std::string word = squeezed(header.name);
      if (!among(word, {"xtotalcount", "xtotal", "totalcount", "xpaginationtotalcount", "xwptotal", "xtotalitems",
                        "xtotalrecords"})) {
        continue;
      }
      const auto count = number_in(header.value);
      if (!count || *count < records) continue;
      total_ = count;
      header_total_ = true;
      base_.total_header = word == "xtotalcount" ? "X-Total-Count" : header.name;
      total_why_ = fmt::format("the header {} is {}", shown(header.name), *count);
      return;
    }
  }

  void find_more() {
    const auto boolean = [](const Fact& fact) { return fact.type == json::Type::kBool; };
    if (const Fact* const more =
            fact({"hasmore", "hasnextpage", "hasnext", "more", "moreavailable", "ismore"}, boolean)) {
      base_.has_more_path = more->dotted();
      more_ = more->text == "true";
      more_why_ = fmt::format("{} is {}", shown(base_.has_more_path), more->text);
      return;
    }
    if (const Fact* const last = fact({"islastpage", "islast", "last"}, boolean)) {
      base_.last_page_path = last->dotted();
      more_ = last->text == "false";
      more_why_ = fmt::format("{} is {}", shown(base_.last_page_path), last->text);
    }
  }

  /// What of the address of the next page differs from the one that was asked for.
  void compare(const Address& next) {
    for (const auto& [name, value] : next.query) {
      const auto asked = asked_number(name);
      const auto number = number_in(value);
      if (!number) continue;
      const std::string word = squeezed(name);
      if (names_size(word) && *number > 0 && *number <= 1'000'000) {
        base_.size_param = name;
        base_.page_size = *number;
        size_why_ = fmt::format("{}={} in the address of the next page", shown(name), *number);
        size_declared_ = true;
      } else if (names_page(word) && *number > 0 && (!asked || *asked + 1 == *number)) {
        page_param_ = name;
        first_page_ = *number - 1;
        number_why_ = fmt::format("the next page is {}={}", shown(name), *number);
      } else if (names_offset(word) && *number > 0 && *number == asked.value_or(0) + evidence_.records) {
        offset_param_ = name;
        number_why_ = fmt::format("the next page is {}={}", shown(name), *number);
      }
    }
  }

  /// The address of a next page on the same server, which is the only place where credentials may go.
  [[nodiscard]] std::optional<Address> on_same_server(std::string_view link) const {
    std::string url(link);
    if (link.starts_with('/') && !link.starts_with("//")) url = evidence_.asked.origin + url;
    auto address = Address::parse(url);
    if (!address || address->origin != evidence_.asked.origin) return std::nullopt;
    return address;
  }

  void find_links() {
    for (const stages::Header& header : evidence_.answer.headers) {
      if (!stages::same_header_name(header.name, "link")) continue;
      const auto link = link_with_rel(header.value, "next");
      const auto address = link ? on_same_server(*link) : std::nullopt;
      if (!address) continue;
      compare(*address);
      header_link_.emplace();
      header_link_->pagination = chain(PageStyle::kHeaderLink);
      header_link_->why = "the Link header names the next page";
      break;
    }
    for (const Fact& fact : evidence_.facts.scalars) {
      if (fact.type != json::Type::kString) continue;
      const std::string word = fact.word();
      const bool inside = among(word, {"href", "url", "uri", "link"}) && among(fact.parent(), {"next", "nextpage"});
      const bool named = among(word, {"next", "nexturl", "nextlink", "nextpage", "nextpageurl", "nexthref", "nexturi",
                                      "nextpagelink", "odatanextlink", "nextrecordsurl"});
      if (!inside && !named) continue;
      const std::string path = fact.keys.size() == 1 && fact.keys[0].find_first_of("\r\n") == std::string::npos
                                   ? fact.keys[0]
                                   : fact.dotted();
      const auto address = path.empty() || path.size() > 100 ? std::nullopt : on_same_server(fact.text);
      if (!address) continue;
      compare(*address);
      link_.emplace();
      link_->pagination = chain(PageStyle::kNextLink);
      link_->pagination.next_link_path = path;
      link_->why = fmt::format("{} is the address of the next page", shown(path));
      return;
    }
  }

  /// Only what a chain of addresses needs.
  static Pagination chain(PageStyle style) {
    Pagination pagination;
    pagination.style = style;
    return pagination;
  }

  [[nodiscard]] std::string query_with(std::vector<std::pair<std::string, std::string>> parameters) const {
    std::string url = evidence_.asked.origin + evidence_.asked.path;
    std::string separator = "?";
    for (const auto& [name, value] : evidence_.asked.query) {
      if (is_paging_parameter(name, value)) continue;
      url += separator + stages::percent_encoded(name) + "=" + stages::percent_encoded(value);
      separator = "&";
    }
    for (const auto& [name, value] : parameters) {
      url += separator + stages::percent_encoded(name) + "=" + stages::percent_encoded(value);
      separator = "&";
    }
    return url;
  }

  [[nodiscard]] std::string reasons(std::string first) const {
    for (const std::string& why : {total_why_, more_why_, size_why_}) {
      if (!why.empty()) first += "; " + why;
    }
    return first;
  }

  /// What an object needs so that a page is known not to be the last.
  void end_of_list(Pagination& pagination) const {
    if (evidence_.facts.root == json::Type::kArray || total_ || pages_) return;
    if (pagination.has_more_path.empty() && pagination.last_page_path.empty()) {
      pagination.has_more_path = evidence_.data_member;  // A list is true unless it is empty.
    }
  }

  std::optional<ProposedPaging> by_number() {
    ProposedPaging guess;
    guess.pagination = base_;
    Pagination& pagination = guess.pagination;
    const std::string* const page = asked_for(&names_page);
    const std::string* const offset = asked_for(&names_offset);
    const Fact* const page_fact = fact({"page", "currentpage", "pagenumber", "pageno", "pageindex"}, &counts);
    const Fact* const number_fact = pages_ ? fact({"number"}, &counts) : nullptr;  // Spring's
    const Fact* const offset_fact = fact({"offset", "skip", "startat", "startindex"}, &counts);
    if (offset_param_.empty() && page_param_.empty()) {
      if (page != nullptr) {
        page_param_ = *page;
        first_page_ = std::min<std::uint64_t>(asked_number(*page).value_or(1), 1);
        number_why_ = fmt::format("{} in the address", shown(*page));
      } else if (offset != nullptr) {
        offset_param_ = *offset;
        number_why_ = fmt::format("{} in the address", shown(*offset));
      } else if (const Fact* const found = page_fact != nullptr ? page_fact : number_fact) {
        page_param_ = found == number_fact ? "page" : found->keys.back();
        first_page_ = std::min<std::uint64_t>(*found->count(), 1);
        number_why_ = fmt::format("{} is {}", shown(found->dotted()), *found->count());
      } else if (offset_fact != nullptr) {
        offset_param_ = offset_fact->keys.back();
        number_why_ = fmt::format("{} is {}", shown(offset_fact->dotted()), *offset_fact->count());
      } else if (pages_) {
        page_param_ = "page";
        number_why_ = "pages are counted";
      } else {
        return std::nullopt;
      }
    }
    if (!size_declared_ && total_ == evidence_.records) pagination.page_size = std::max<std::uint64_t>(*total_, 100);
    const std::string size = fmt::format("{}", pagination.page_size);
    if (!offset_param_.empty()) {
      pagination.style = PageStyle::kOffset;
      pagination.page_param = offset_param_;
      pagination.total_pages_path = pagination.total_path.empty() ? pagination.total_pages_path : "";
      pagination.last_page_path.clear();
      guess.second_page = query_with({{offset_param_, fmt::format("{}", std::max<std::size_t>(evidence_.records, 1))},
                                      {pagination.size_param.empty() ? "limit" : pagination.size_param, size}});
    } else {
      pagination.style = PageStyle::kPage;
      pagination.page_param = page_param_;
      pagination.start_page = first_page_;
      end_of_list(pagination);
      guess.second_page = query_with({{page_param_, fmt::format("{}", first_page_ + 1)},
                                      {pagination.size_param.empty() ? "size" : pagination.size_param, size}});
    }
    guess.why = reasons(number_why_);
    return guess;
  }

  std::optional<ProposedPaging> by_cursor() const {
    if (evidence_.facts.root == json::Type::kArray) return std::nullopt;
    const auto leads_on = [](const Fact& fact) {
      const bool text = fact.type == json::Type::kString && !fact.text.empty() && fact.text.size() <= 4000 &&
                        fact.text.find("://") == std::string::npos && !fact.text.starts_with('/');
      return text || (fact.type == json::Type::kNumber && fact.count().value_or(0) > 0);
    };
    const Fact* const cursor =
        fact({"nextcursor", "aftercursor", "endcursor", "nextpagetoken", "nexttoken", "continuationtoken",
              "continuation", "nextmarker", "nextpage", "next", "after", "cursor", "marker", "bookmark", "scrollid"},
             leads_on);
    if (cursor == nullptr) return std::nullopt;
    ProposedPaging guess;
    Pagination& pagination = guess.pagination;
    pagination = base_;
    pagination.style = PageStyle::kCursor;
    pagination.total_path.clear();
    pagination.total_pages_path.clear();
    pagination.last_page_path.clear();
    pagination.cursor_path = cursor->dotted();
    // Both have to hold for a chain to go on.
    if (pagination.has_more_path.empty()) pagination.has_more_path = pagination.cursor_path;
    const std::string& key = cursor->keys.back();
    const bool snake = key.find('_') != std::string::npos;
    const std::string word = cursor->word();
    if (const std::string* const asked = asked_for(&names_cursor)) {
      pagination.page_param = *asked;
    } else if (word == "nextpagetoken") {
      pagination.page_param = snake ? "page_token" : "pageToken";
    } else if (among(word, {"endcursor", "aftercursor", "after"})) {
      pagination.page_param = "after";
    } else if (among(word, {"nextmarker", "marker"})) {
      pagination.page_param = "marker";
    } else if (word == "nextpage") {
      pagination.page_param = "page";
    } else if (among(word, {"nexttoken", "continuationtoken", "continuation", "bookmark", "scrollid"})) {
      pagination.page_param = key;
    } else {
      pagination.page_param = "cursor";
    }
    std::string why = fmt::format("{} is {}", shown(pagination.cursor_path), shown(cursor->text));
    for (const std::string& more : {more_why_, size_why_}) {
      if (!more.empty()) why += "; " + more;
    }
    guess.why = std::move(why);
    guess.second_page = query_with(
        {{pagination.size_param.empty() ? "limit" : pagination.size_param, fmt::format("{}", pagination.page_size)},
         {pagination.page_param, cursor->text}});
    return guess;
  }

  [[nodiscard]] bool expects_more() const { return more_ || (total_ && *total_ > evidence_.records); }

  /// Where the address of a next page will be, once there is one.
  void link_to_come() {
    if (expects_more()) return;
    for (const Fact& fact : evidence_.facts.scalars) {
      const std::string path = fact.dotted();
      if (fact.type != json::Type::kNull || path.empty() || path.size() > 100 ||
          !among(fact.word(), {"next", "nexturl", "nextlink", "nextpageurl", "nexthref", "nexturi"})) {
        continue;
      }
      ProposedPaging& guess = out_.emplace_back();
      guess.pagination = chain(PageStyle::kNextLink);
      guess.pagination.next_link_path = path;
      guess.why = fmt::format("{} is null: the address of a next page would be there", shown(path));
      return;
    }
  }

  /// Nothing says how; many APIs know `page`.
  void blind() {
    const bool list = evidence_.facts.root == json::Type::kArray;
    if (evidence_.records == 0 || (!list && !total_ && !more_)) return;
    ProposedPaging& guess = out_.emplace_back();
    guess.pagination = base_;
    guess.pagination.style = PageStyle::kPage;
    guess.pagination.page_param = "page";
    end_of_list(guess.pagination);
    guess.why = reasons("a try, as many APIs know the parameter page");
    guess.second_page = query_with(
        {{"page", "2"}, {base_.size_param.empty() ? "size" : base_.size_param, fmt::format("{}", base_.page_size)}});
  }

  const PagingEvidence& evidence_;
  Pagination base_ = [] {
    Pagination pagination;
    pagination.next_link_path.clear();
    pagination.header_link_rel.clear();
    return pagination;
  }();
  std::optional<std::uint64_t> total_, pages_;
  bool header_total_ = false, more_ = false, size_declared_ = false;
  std::string page_param_, offset_param_;
  std::uint64_t first_page_ = 1;
  std::string size_why_, total_why_, more_why_, number_why_;
  std::optional<ProposedPaging> link_, header_link_;
  std::vector<ProposedPaging> out_;
};

}  // namespace

std::optional<Address> Address::parse(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::string_view name = url.substr(0, scheme);
  if (name != "http" && name != "https") return std::nullopt;
  if (const auto hash = url.find('#'); hash != std::string_view::npos) url = url.substr(0, hash);
  const auto host_end = std::min(url.find_first_of("/?", scheme + 3), url.size());
  if (host_end == scheme + 3) return std::nullopt;
  Address address;
  address.origin = url.substr(0, host_end);
  url.remove_prefix(host_end);
  const auto mark = std::min(url.find('?'), url.size());
  address.path = url.substr(0, mark);
  if (address.path.empty()) address.path = "/";
  std::string_view query = mark < url.size() ? url.substr(mark + 1) : std::string_view();
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (one.empty()) continue;
    const auto equals = std::min(one.find('='), one.size());
    address.query.emplace_back(decoded_percent(one.substr(0, equals)),
                               equals < one.size() ? decoded_percent(one.substr(equals + 1)) : "");
  }
  return address;
}

std::vector<ProposedPaging> guess_paging(const PagingEvidence& evidence) { return Guesser(evidence).guesses(); }

bool is_paging_parameter(std::string_view name, std::string_view value) {
  const std::string word = squeezed(name);
  return names_cursor(word) || (number_in(value) && (names_page(word) || names_offset(word) || names_size(word)));
}

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) {
    out += static_cast<unsigned char>(c) < 0x20 || c == '\x7f' ? '?' : c;
  }
  while (!out.empty() && text.size() > 60 && (static_cast<unsigned char>(out.back()) & 0x80u) != 0) out.pop_back();
  return text.size() > 60 ? out + "..." : out;
}

}  // namespace riptide::sources::custom
