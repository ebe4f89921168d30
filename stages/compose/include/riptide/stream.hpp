#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "riptide/item.hpp"
#include "riptide/mapping.hpp"
#include "riptide/node_options.hpp"
#include "riptide/stage.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide {

template <class T>
class Stream;
template <class T>
class Router;

/// What can stand behind a filter: says whether to keep an item.
template <class F, class T>
concept Predicate = std::invocable<F&, const T&> &&(std::same_as<std::invoke_result_t<F&, const T&>, bool> ||
                                                    std::same_as<std::invoke_result_t<F&, const T&>, Result<bool>>);

/// What edits an item in its place.
template <class F, class T>
concept Editor = std::invocable<F&, T&> &&
    (std::same_as<std::invoke_result_t<F&, T&>, void> || std::same_as<std::invoke_result_t<F&, T&>, Result<void>>);

/// What makes any number of items of one.
template <class F, class T>
concept Expander = std::invocable<F&, const T&, Emit&> &&
    (std::same_as<std::invoke_result_t<F&, const T&, Emit&>, void> ||
     std::same_as<std::invoke_result_t<F&, const T&, Emit&>, Result<void>>);

/// What answers for an item later.
template <class F, class T>
concept Asker = std::invocable<F&, T, Reply> && std::same_as < std::invoke_result_t<F&, T, Reply>,
void > ;

/// What names the output that an item takes.
template <class F, class T>
concept Chooser = std::invocable<F&, const T&> &&
    (std::convertible_to<std::invoke_result_t<F&, const T&>, std::string> ||
     std::same_as<std::invoke_result_t<F&, const T&>, Result<std::string>>);

namespace detail {

class Builder;

/// One output of a node.
struct Output {
  std::size_t node = 0;
  std::size_t number = 0;
};

/// Where a stream comes from: several after a merge.
struct Origin {
  std::shared_ptr<Builder> builder;
  std::vector<Output> outputs;
};

enum class Carries : std::uint8_t { kRecords, kEntities };

using FilterBody = std::function<Result<bool>(Item)>;
using EditBody = std::function<Result<void>(Item)>;
using ExpandBody = std::function<Result<void>(Item, Emit&)>;
using AskBody = std::function<void(Item, Reply)>;
using ChooseBody = std::function<Result<std::string>(Item)>;

/// A stage with a state, without its type.
struct StatefulBody {
  ExpandBody process;
  std::function<Result<void>(Emit&)> tick;
  std::function<Result<void>(Emit&)> finish;
  std::optional<std::chrono::milliseconds> tick_every;
  bool keeps_all = false;
};

Origin add_filter(const Origin& from, Carries carries, std::string name, FilterBody body, StageOptions options);
Origin add_edit(const Origin& from, Carries carries, std::string name, EditBody body, StageOptions options);
Origin add_expand(const Origin& from, Carries carries, std::string name, ExpandBody body, StageOptions options);
Origin add_async(const Origin& from, Carries carries, std::string name, AskBody body, StageOptions options);
Origin add_stateful(const Origin& from, Carries carries, std::string name, StatefulBody body, StageOptions options);
Origin add_route(const Origin& from, Carries carries, std::string name, ChooseBody body, StageOptions options);
Origin add_output(const Origin& route, std::optional<std::string> name);
Origin add_jq(const Origin& from, Carries carries, std::string name,
              std::shared_ptr<const transform::jq::Program> program, StageOptions options);
Origin add_mapping(const Origin& from, std::string name, Mapping mapping, std::string says);
Origin add_entities(const Origin& from, std::string name, std::string says);
void add_sink(const Origin& from, Carries carries, std::string name, std::unique_ptr<stages::Sink> sink,
              SinkOptions options);

template <class T>
constexpr Carries carries_of() {
  static_assert(std::same_as<T, Record> || std::same_as<T, Entity>, "a stream carries records or entities");
  return std::same_as<T, Record> ? Carries::kRecords : Carries::kEntities;
}

template <class Call>
Result<void> completed(Call&& call) {
  if constexpr (std::same_as<std::invoke_result_t<Call>, void>) {
    std::forward<Call>(call)();
    return {};
  } else {
    return std::forward<Call>(call)();
  }
}

}  // namespace detail

/// What flows out of a node of a graph: items of one type. A light handle that any number of nodes may take from: each
/// sees all items (fan-out). Every call adds a node with a name of its own, and returns what flows out of that.
/// Building is for one thread; what is wrong with a node (a name that is there twice) is said by `Graph::run`.
///
/// Bodies run on worker threads, several at once for different items unless they are `serial`; they must not block.
/// What a body throws, or an Error that it returns, costs that item: it is counted as failed and reported with the
/// stage's name.
template <class T>
class Stream {
 public:
  /// Keeps the items for which `body` says true.
  template <Predicate<T> F>
  Stream<T> filter(std::string name, F body, StageOptions options = {}) const {
    return Stream<T>(detail::add_filter(
        origin_, detail::carries_of<T>(), std::move(name),
        [body = std::move(body)](Item item) mutable -> Result<bool> { return body(T(item.state())); },
        std::move(options)));
  }

  /// Edits items in their places.
  template <Editor<T> F>
  Stream<T> then(std::string name, F body, StageOptions options = {}) const {
    return Stream<T>(detail::add_edit(
        origin_, detail::carries_of<T>(), std::move(name),
        [body = std::move(body)](Item item) mutable {
          T typed(item.state());
          return detail::completed([&] { return body(typed); });
        },
        std::move(options)));
  }

  /// Makes any number of items of each.
  template <Expander<T> F>
  Stream<T> expand(std::string name, F body, StageOptions options = {}) const {
    return Stream<T>(detail::add_expand(
        origin_, detail::carries_of<T>(), std::move(name),
        [body = std::move(body)](Item item, Emit& emit) mutable {
          return detail::completed([&] { return body(T(item.state()), emit); });
        },
        std::move(options)));
  }

  /// Hands items over to what answers later, on any thread: at most `options.in_flight` at once. `body` is called on a
  /// worker or on the thread of an answer, and must be quick.
  template <Asker<T> F>
  Stream<T> async(std::string name, F body, StageOptions options = {}) const {
    return Stream<T>(detail::add_async(
        origin_, detail::carries_of<T>(), std::move(name),
        [body = std::move(body)](Item item, Reply reply) mutable { body(T(item.state()), std::move(reply)); },
        std::move(options)));
  }

  /// A stage with a state of its own.
  Stream<T> stage(std::string name, std::shared_ptr<Stage<T>> stage, StageOptions options = {}) const {
    detail::StatefulBody body;
    body.process = [stage](Item item, Emit& emit) {
      T typed(item.state());
      return stage->process(typed, emit);
    };
    body.tick = [stage](Emit& emit) { return stage->tick(emit); };
    body.finish = [stage](Emit& emit) { return stage->finish(emit); };
    body.tick_every = stage->tick_every();
    body.keeps_all = stage->keeps_all();
    return Stream<T>(
        detail::add_stateful(origin_, detail::carries_of<T>(), std::move(name), std::move(body), std::move(options)));
  }

  /// Runs a jq program on each item; every output is an item.
  Stream<T> jq(std::string name, std::shared_ptr<const transform::jq::Program> program,
               StageOptions options = {}) const {
    return Stream<T>(
        detail::add_jq(origin_, detail::carries_of<T>(), std::move(name), std::move(program), std::move(options)));
  }

  /// Sends each item to the output that `body` names.
  template <Chooser<T> F>
  Router<T> route(std::string name, F body, StageOptions options = {}) const {
    return Router<T>(detail::add_route(
        origin_, detail::carries_of<T>(), std::move(name),
        [body = std::move(body)](Item item) mutable -> Result<std::string> {
          if constexpr (std::convertible_to<std::invoke_result_t<F&, const T&>, std::string>) {
            return std::string(body(T(item.state())));
          } else {
            return body(T(item.state()));
          }
        },
        std::move(options)));
  }

  /// Maps records to entities. Those that come to nothing are counted as filtered or invalid; entities that were seen
  /// before in their scope, with the same contents, go no further.
  Stream<Entity> transform(std::string name, Mapping mapping,
                           std::string says = {}) const requires std::same_as<T, Record> {
    return Stream<Entity>(detail::add_mapping(origin_, std::move(name), std::move(mapping), std::move(says)));
  }

  /// Takes records as the entities that they are. One without an identifier or blueprint fails.
  Stream<Entity> entities(std::string name, std::string says = {}) const requires std::same_as<T, Record> {
    return Stream<Entity>(detail::add_entities(origin_, std::move(name), std::move(says)));
  }

  /// Sets limits for the batches of the sinks that are put behind it.
  [[nodiscard]] Stream<T> batch(BatchLimits limits) const {
    Stream<T> limited = *this;
    limited.limits_ = limits;
    return limited;
  }
  [[nodiscard]] Stream<T> batch(std::size_t max_records, std::size_t max_bytes) const {
    return batch(BatchLimits{.max_records = max_records, .max_bytes = max_bytes, .age = {}});
  }

  /// Ends here: all items go into the sink, a `RemoteSink`, `LocalSink` or `AsyncSink`. Records only go into sinks that
  /// take any object (`Sink::takes_any`).
  void sink(std::string name, std::unique_ptr<stages::Sink> sink, SinkOptions options = {}) const {
    if (limits_.max_records) options.max_records = limits_.max_records;
    if (limits_.max_bytes) options.max_bytes = limits_.max_bytes;
    if (limits_.age) options.batch_age = *limits_.age;
    detail::add_sink(origin_, detail::carries_of<T>(), std::move(name), std::move(sink), std::move(options));
  }

  /// Used by the library.
  explicit Stream(detail::Origin origin) : origin_(std::move(origin)) {}
  [[nodiscard]] const detail::Origin& origin() const noexcept { return origin_; }

 private:
  detail::Origin origin_;
  BatchLimits limits_;
};

/// A node with named outputs, each a stream of its own.
template <class T>
class Router {
 public:
  /// The items for which its body named this output. Asked for once or more, it is the same.
  Stream<T> to(std::string output) const { return Stream<T>(detail::add_output(origin_, std::move(output))); }
  /// All others. Where nobody asks for it they are filtered here.
  Stream<T> otherwise() const { return Stream<T>(detail::add_output(origin_, std::nullopt)); }

  /// Used by the library.
  explicit Router(detail::Origin origin) : origin_(std::move(origin)) {}

 private:
  detail::Origin origin_;
};

/// Joins streams of one graph: what is put behind takes the items of all, in no particular order.
template <class T>
Stream<T> merge(std::initializer_list<Stream<T>> streams) {
  detail::Origin all;
  for (const Stream<T>& stream : streams) {
    all.builder = stream.origin().builder;
    all.outputs.insert(all.outputs.end(), stream.origin().outputs.begin(), stream.origin().outputs.end());
  }
  return Stream<T>(std::move(all));
}
template <class T, std::same_as<Stream<T>>... More>
Stream<T> merge(const Stream<T>& first, const More&... more) {
  return merge<T>({first, more...});
}

}  // namespace riptide
