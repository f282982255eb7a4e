#include "conflict/decide.h"

#include <fmt/format.h>

#include "conflict/json_equal.h"
#include "conflict/printable.h"

namespace syncnode::conflict {
namespace {

bool is_about_delete(ConflictKind kind) {
  return kind == ConflictKind::kUpdateDelete || kind == ConflictKind::kDeleteUpdate;
}

std::string_view what_happened(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kUpdateUpdate:
      return "both sides changed the row";
    case ConflictKind::kUpdateDelete:
      return "the source changed the row, the target deleted it";
    case ConflictKind::kDeleteUpdate:
      return "the source deleted the row, the target changed it";
    case ConflictKind::kInsertInsert:
      return "both sides inserted the row";
  }
  return "";
}

class Decider {
 public:
  Decider(const TablePolicy& policy, const RowImages& images, const Context& context, ConflictKind kind)
      : policy_(policy), images_(images), context_(context), kind_(kind) {}

  Decision decide() const {
    switch (policy_.strategy) {
      case Strategy::kSourceWins:
        return with(Winner::kSource, "source_wins");
      case Strategy::kTargetWins:
        return with(Winner::kTarget, "target_wins");
      case Strategy::kManual:
        return with(Winner::kWaits, "manual: it waits for a person");
      case Strategy::kNewestWins:
        return is_about_delete(kind_) ? newest_against_delete() : newest();
      case Strategy::kMerge:
        return is_about_delete(kind_) ? survivor() : merge();
    }
    return with(Winner::kWaits, "");
  }

 private:
  Decision with(Winner winner, std::string_view how) const {
    return {kind_, winner, std::nullopt, {}, printable(fmt::format("{}; {}", what_happened(kind_), how))};
  }

  const Json* compared(const std::optional<Json>& image) const {
    return image ? member_of(&*image, policy_.compare_field) : nullptr;
  }

  struct NewerSide {
    Side side;
    std::string why;
  };
  NewerSide newer_side() const {
    const auto found = compare_times(compared(images_.source), compared(images_.target), context_.now);
    const bool undecided = found.newer == Newer::kTie || found.newer == Newer::kUnknown;
    return {found.newer == Newer::kTarget ? Side::kTarget : Side::kSource,
            fmt::format("by {}, {}{}", policy_.compare_field, found.reason,
                        undecided ? ", so the source, which is the primary, wins" : "")};
  }

  Decision newest() const {
    const auto [side, why] = newer_side();
    return with(side == Side::kSource ? Winner::kSource : Winner::kTarget,
                fmt::format("newest_wins {}", why));
  }

  // A delete carries no time. A change that is certainly later than the base outlives it; of any other
  // nobody can tell, and then the primary decides, as in a tie.
  Decision newest_against_delete() const {
    const bool source_deleted = kind_ == ConflictKind::kDeleteUpdate;
    const Json* value = compared(source_deleted ? images_.target : images_.source);
    const bool later = is_later_than_base(value, compared(images_.base), context_.now);
    const Winner survivor = source_deleted ? Winner::kTarget : Winner::kSource;
    if (later) {
      return with(survivor,
                  fmt::format("newest_wins: a delete has no time, and {} of the row that is left is "
                              "later than it was",
                              policy_.compare_field));
    }
    return with(
        Winner::kSource,
        fmt::format("newest_wins: a delete has no time, and {} of the row that is left is not known to "
                    "be later than it was, so the source, which is the primary, wins",
                    policy_.compare_field));
  }

  Decision survivor() const {
    return with(kind_ == ConflictKind::kDeleteUpdate ? Winner::kTarget : Winner::kSource,
                "merge: nothing to merge a deleted row with, so the row that is left stays");
  }

  Decision merge() const {
    if (const auto gap = gap_beyond_limit()) {
      return with(Winner::kWaits, fmt::format("merge: the two changes are {} h apart, more than the {} h of "
                                              "auto_merge_max_age_hours, so it waits for a person",
                                              gap->count(), policy_.auto_merge_max_age->count()));
    }
    const auto [side, why] = newer_side();
    MergedRow merged = merge_row(images_, policy_.merge_rules, side);
    Decision out =
        with(Winner::kMerged,
             fmt::format("merge{}: {} ({})", images_.base ? "" : " without a base", merged.account, why));
    if (same_json(merged.row, *images_.source)) {
      out.winner = Winner::kSource;
    } else if (same_json(merged.row, *images_.target)) {
      out.winner = Winner::kTarget;
    } else {
      out.merged = std::move(merged.row);
      out.columns = std::move(merged.columns);
    }
    return out;
  }

  // The time between the two changes, when both sides wrote theirs: a side that left the base's time as it
  // was says nothing of when it changed the row.
  std::optional<std::chrono::hours> gap_beyond_limit() const {
    if (!policy_.auto_merge_max_age) return std::nullopt;
    const Json* source = compared(images_.source);
    const Json* target = compared(images_.target);
    const Json* base = compared(images_.base);
    if (base != nullptr && (same_json(base, source) || same_json(base, target))) return std::nullopt;
    const auto ours = read_moment(source);
    const auto theirs = read_moment(target);
    if (!ours || !theirs) return std::nullopt;
    const auto ahead = context_.now + kBelievedAhead;
    if (ours->at > ahead || theirs->at > ahead) return std::nullopt;
    const auto gap = ours->at > theirs->at ? ours->at - theirs->at : theirs->at - ours->at;
    if (gap <= *policy_.auto_merge_max_age) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::hours>(gap);
  }

  const TablePolicy& policy_;
  const RowImages& images_;
  const Context& context_;
  const ConflictKind kind_;
};

}  // namespace

std::string_view to_string(Winner winner) {
  switch (winner) {
    case Winner::kSource:
      return "source";
    case Winner::kTarget:
      return "target";
    case Winner::kMerged:
      return "merged";
    case Winner::kWaits:
      return "waits";
  }
  return "waits";
}

std::optional<Decision> decide(const TablePolicy& policy, const RowImages& images, const Context& context) {
  const auto kind = conflict_kind(images);
  if (!kind) return std::nullopt;
  return Decider(policy, images, context, *kind).decide();
}

}  // namespace syncnode::conflict
