#include "cli/generate_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tarn::cli {

GenerateFile::GenerateFile(std::string path, bool gzip)
    : path_(std::move(path) + (gzip ? ".gz" : "")), temporary_(path_ + ".part") {
  // "T" writes the bytes as they are, so that one code path serves both forms.
  errno = 0;
  file_ = gzopen(temporary_.c_str(), gzip ? "wb6" : "wbT");
  if (file_ == nullptr) {
    status_ =
        Status::Io(path_ + " cannot be written: " + std::strerror(errno != 0 ? errno : ENOMEM));
    return;
  }
  gzbuffer(file_, 256 * 1024);
  buffer_.reserve(kSpillBytes + 64 * 1024);
}

GenerateFile::~GenerateFile() {
  if (file_ == nullptr) return;
  gzclose(file_);
  std::remove(temporary_.c_str());
}

void GenerateFile::Flush() {
  if (!status_.ok() || buffer_.empty()) return;
  errno = 0;
  if (gzwrite(file_, buffer_.data(), static_cast<unsigned>(buffer_.size())) == 0) {
    status_ = Status::Resource(path_ + " cannot be written: " + std::strerror(errno) +
                               "; is the disk full?");
  }
  bytes_ += buffer_.size();
  buffer_.clear();
}

Status GenerateFile::Close() {
  Flush();
  if (file_ == nullptr) return status_;
  const int closed = gzclose(file_);
  file_ = nullptr;
  if (status_.ok() && closed != Z_OK) {
    status_ = Status::Resource(path_ + " cannot be written to its end; is the disk full?");
  }
  if (status_.ok() && std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    status_ = Status::Io(path_ + " cannot be put in place: " + std::strerror(errno));
  }
  if (!status_.ok()) std::remove(temporary_.c_str());
  return status_;
}

}  // namespace tarn::cli
