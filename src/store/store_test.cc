// Memory and local disk against the contract, and what is particular to a local disk.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "store/object_store.h"
#include "store/store_contract.h"

namespace tarn::store {
namespace {

std::filesystem::path MakeScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tarn-store-XXXXXX").string();
  return std::filesystem::path(::mkdtemp(pattern.data()));
}

std::unique_ptr<StoreUnderTest> MakeMemory() {
  auto out = std::make_unique<StoreUnderTest>();
  out->store = MakeMemoryStore();
  return out;
}

std::unique_ptr<StoreUnderTest> MakeLocal() {
  auto out = std::make_unique<StoreUnderTest>();
  const auto folder = MakeScratchFolder();
  out->store = OpenLocalStore(folder.string()).value();
  out->clean_up = [folder] { std::filesystem::remove_all(folder); };
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, StoreContract,
                         ::testing::Values(std::pair<const char*, Factory>{"memory", &MakeMemory},
                                           std::pair<const char*, Factory>{"local", &MakeLocal}),
                         [](const auto& info) { return info.param.first; });

TEST(LocalStore, SaysWhichFolderIsMissing) {
  const auto store = OpenLocalStore("/no/such/lake");
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().code(), StatusCode::kNotFound);
  EXPECT_NE(store.status().message().find("/no/such/lake"), std::string::npos);
}

TEST(LocalStore, AFileIsNoRoot) {
  const auto folder = MakeScratchFolder();
  std::ofstream(folder / "file") << "x";
  EXPECT_EQ(OpenLocalStore((folder / "file").string()).status().code(), StatusCode::kNotFound);
  std::filesystem::remove_all(folder);
}

TEST(LocalStore, LeavesNoTemporaryFiles) {
  const auto folder = MakeScratchFolder();
  {
    auto store = OpenLocalStore(folder.string()).value();
    ASSERT_TRUE(store->Put("a/b", "1", PutMode::kCreateOnly).ok());
    EXPECT_FALSE(store->Put("a/b", "2", PutMode::kCreateOnly).ok());
    auto abandoned = store->OpenWriter("a/c", PutMode::kOverwrite).value();
    ASSERT_TRUE(abandoned->Append("x").ok());
  }
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tarn::store
