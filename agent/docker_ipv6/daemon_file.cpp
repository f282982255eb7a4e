#include "docker_ipv6/daemon_file.h"

#include <fmt/format.h>

#include <cstdlib>
#include <memory>

namespace syncnode::docker_ipv6 {
namespace {

struct Place {
  std::string folder, name;
};

Place split(const std::string& path) {
  const size_t slash = path.rfind('/');
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// Where the link leads in the end; Folder::open() judges the way there.
Result<Place> behind_link(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (real == nullptr) {
    return Error{ErrorCode::kFailedPrecondition, fmt::format("'{}' is a link that leads nowhere", path),
                 "repair or remove the link"};
  }
  return split(real.get());
}

}  // namespace

Result<DaemonFile> DaemonFile::look() {
  DaemonFile file;
  Place place = split(kDaemonFile);
  auto folder = Folder::open(place.folder);
  if (folder && folder->is_link(place.name)) {
    SN_ASSIGN(place, behind_link(kDaemonFile));
    folder = Folder::open(place.folder);
  }
  file.folder_path_ = place.folder;
  file.name_ = place.name;
  if (!folder && folder.error().code == ErrorCode::kNotFound) return file;
  if (!folder) return std::move(folder).error();
  file.folder_ = *std::move(folder);
  SN_ASSIGN(file.text_, file.folder_->read(file.name_));
  SN_ASSIGN(file.backup_text_, file.folder_->read(file.backup()));
  SN_ASSIGN(const auto recorded, file.folder_->read(file.record_name()));
  if (!recorded) return file;
  SN_ASSIGN(auto record, parse_record(*recorded));
  if (in_effect(record, file.text())) file.record_ = std::move(record);
  return file;
}

Status DaemonFile::enable(const std::string& text, const std::vector<Change>& changes, const Judge& accepts) {
  if (!folder_) {
    SN_ASSIGN(folder_, Folder::create(folder_path_));
  }
  SN_ASSIGN(Staged staged, folder_->stage(name_, text, name_));
  SN_TRY(accepts(folder_path_ + "/" + staged.temporary()));
  // The backup is of the file before the first of our changes, whatever is added to them later.
  if (!record_) {
    SN_TRY(exists() ? folder_->write(backup(), *text_, name_) : folder_->remove(backup()));
  }
  // Before the file itself: whoever finds our keys there finds out that they are ours.
  const Record record = joined(record_.value_or(Record{!exists(), {}}), changes);
  SN_TRY(folder_->write(record_name(), to_text(record), ""));
  SN_TRY(check_unchanged());
  left_ = text;
  return staged.publish();
}

Result<DaemonFile::Disabled> DaemonFile::without_ours() const {
  if (!record_) return Disabled{text_, {}};
  // Nobody changed anything since: the very bytes of before.
  const auto ours = apply_changes(record_->created ? "" : backup_text_.value_or(""), record_->changes);
  if (ours && *ours == text() && (record_->created || backup_text_)) {
    return Disabled{record_->created ? std::nullopt : backup_text_, {}};
  }
  SN_ASSIGN(auto undone, undo_changes(text(), record_->changes));
  SN_ASSIGN(const auto document, read_document(undone.text));
  const bool goes = record_->created && document.empty();
  return Disabled{goes ? std::nullopt : std::optional(undone.text), undone.left};
}

Status DaemonFile::disable(const Disabled& result, const Judge& accepts) {
  if (result.text) {
    SN_ASSIGN(Staged staged, folder_->stage(name_, *result.text, name_));
    SN_TRY(accepts(folder_path_ + "/" + staged.temporary()));
    SN_TRY(check_unchanged());
    SN_TRY(staged.publish());
  } else {
    SN_TRY(check_unchanged());
    SN_TRY(folder_->remove(name_));
  }
  left_ = result.text;
  return forget();
}

Status DaemonFile::put_back() {
  SN_ASSIGN(const auto now, folder_->read(name_));
  if (now != left_) {
    return Error{ErrorCode::kUnavailable, fmt::format("somebody changed '{}' meanwhile", path()),
                 "it was left alone: correct it, then: systemctl restart docker"};
  }
  SN_TRY(text_ ? folder_->write(name_, *text_, name_) : folder_->remove(name_));
  if (!record_) return forget();
  if (backup_text_) SN_TRY(folder_->write(backup(), *backup_text_, name_));
  return folder_->write(record_name(), to_text(*record_), "");
}

Status DaemonFile::check_unchanged() const {
  SN_ASSIGN(const auto now, folder_->read(name_));
  if (now == text_) return {};
  return Error{ErrorCode::kUnavailable, fmt::format("somebody changed '{}' in this very moment", path()),
               "nothing was changed; run it again"};
}

Status DaemonFile::forget() {
  SN_TRY(folder_->remove(record_name()));
  return folder_->remove(backup());
}

}  // namespace syncnode::docker_ipv6
