// The error table is complete, ordered and without doubles.
// tests/protocol/
#include "protocol/result.hpp"

#include <set>
#include <string>

#include <gmock/gmock.h>

namespace tidemark {
namespace {

TEST(ErrorTable, HasOneRowPerCodeInOrder) {
  ASSERT_EQ(errors().size(), static_cast<std::size_t>(Errc::cancelled));
  for (std::size_t i = 0; i < errors().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(errors()[i].code), i + 1);
    EXPECT_EQ(&info(errors()[i].code), &errors()[i]);
  }
}

TEST(ErrorTable, NamesAreDistinctAndLeadBack) {
  std::set<std::string_view> names;
  for (const auto& row : errors()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(errc_named(row.name), row.code);
  }
  EXPECT_EQ(errc_named("no_such_error"), std::nullopt);
  EXPECT_EQ(errc_named(""), std::nullopt);
}

TEST(ErrorTable, EveryRowSaysSomethingAndHasPlausibleStatuses) {
  for (const auto& row : errors()) {
    EXPECT_FALSE(row.text.empty()) << row.name;
    EXPECT_FALSE(row.text.ends_with('.')) << row.name;
    EXPECT_TRUE(row.http_status >= 400 && row.http_status < 600) << row.name;
    // RFC 6455's own, or registered for libraries (3000 to 3999).
    EXPECT_TRUE((row.close_code >= 1002 && row.close_code <= 1013) || row.close_code == 3000 ||
                row.close_code == 3003)
        << row.name;
  }
}

TEST(ErrorCategory, TellsTheTextAndSurvivesForeignNumbers) {
  const auto error = make_error_code(Errc::disk_full);
  EXPECT_EQ(error.message(), std::string(info(Errc::disk_full).text));
  EXPECT_EQ(to_errc(error), Errc::disk_full);
  EXPECT_EQ(category().message(0), "unknown error");
  EXPECT_EQ(category().message(10000), "unknown error");
}

TEST(Result, CarriesAValueOrACode) {
  const Result<int> good = 7;
  EXPECT_EQ(good.value(), 7);
  const Result<int> bad = Errc::stalled;
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.errc(), Errc::stalled);
  EXPECT_TRUE(ok());
  const Result<bool> no = false;
  EXPECT_TRUE(no);
  EXPECT_FALSE(*no);
  const Result<bool> neither = Errc::stalled;
  ASSERT_FALSE(neither);
  EXPECT_EQ(neither.errc(), Errc::stalled);
}

TEST(EnsureDeathTest, SaysWhatWasBrokenAndAborts) {
  EXPECT_DEATH(TIDEMARK_ENSURE(1 > 2, "one is more than two"), "one is more than two");
  EXPECT_DEATH((void)to_errc(boost::system::errc::make_error_code(boost::system::errc::io_error)),
               "foreign errors");
}

}  // namespace
}  // namespace tidemark
