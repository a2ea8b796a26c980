// Keys and tokens made with Node's crypto, one of each algorithm, good until the year 2100.
// tests/broker/access/: what our own signing and verifying agree on could still be wrong.
#pragma once

#include <array>
#include <string_view>

namespace tidemark::broker {

struct ForeignToken {
  std::string_view algorithm;
  std::string_view jwk;
  std::string_view token;  ///< kid "golden", sub "ada", may subscribe to rooms/**
};

inline constexpr std::array kForeignTokens{
    ForeignToken{
        "HS256",
        R"({"kty":"oct","k":"YSBzZWNyZXQgb2YgYW5vdGhlciBpbXBsZW1lbnRhdGlvbiwgbG9uZyBlbm91Z2)"
        R"(g"})",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImdvbGRlbiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHA"
        "iOjQxMDI0NDQ4MDAsInRpZGVtYXJrIjp7InN1YnNjcmliZSI6WyJyb29tcy8qKiJdfX0.g8ibSCuKnv6"
        "dtgsRP1B5XflFDZ1YqH7wZgH-VdMmvIs"},
    ForeignToken{
        "RS256",
        R"({"kty":"RSA","n":"sAk_8T8VEjhWxs2tzVXD4GBnMdvpbvJtR-hvSvBEValov5x8Muu3XYOLNORA5H)"
        R"(Y9kFx6d6KuQup3HDMh5bPrAX445kO-n-WoVtayvPUGfM0ontrH3Q_ETCMz6fMgHglzoP2yuQ-e8TOa0v)"
        R"(iZtyhTVIIG1hLS277sNlAwkid4xmxt6Uw1sDIaYqPmKH0rVF4w13lWYyzG7QpKG9WnofBgCsff6n5f_9)"
        R"(VXJllVFMOIa2XwVipqPyUyR5tbwbpeASsI6edIGfAPEaNWpjNH0Gt8J0MLlrOHfG8rMZYy2Z2A5qSGfE)"
        R"(gUVnnB2KPybF0J8BwBVYEfyDTKvr_5mR6fpIyZGw","e":"AQAB"})",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImdvbGRlbiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHA"
        "iOjQxMDI0NDQ4MDAsInRpZGVtYXJrIjp7InN1YnNjcmliZSI6WyJyb29tcy8qKiJdfX0.Q8Fm6snxVaq"
        "Ti9mIEJ2IIFfsrTyV4KTY8YMsDU1IMCMx_mp6Tc2JvpYUJBEflJTbNk7R_lMy6zK3kJBZDVL44mdcGgg"
        "bSwoWTBoJG-fg53pcZd4I72Yna7kyce0aEnPYQq8CymkmYLEhKnsnLLsFrr7a_PYf-OqllbrdlCduvB5"
        "ii97aoSlyD5iOx7hSCplXYjEYsdbP8rh0EfXFy4eLmv6Gp5fh9XiZwnea_VOGIIeFHxiO8AtoP_8716Y"
        "ffQir3i4I931uwO4yARcb7H5vFZe6lhH2iorw1DwuzwFPsWPzHpCcA-pJA8FNESxY6-cKwCbEETVO8xD"
        "m7dmFOhTq6g"},
    ForeignToken{
        "ES256",
        R"({"kty":"EC","x":"Vzz-T_KqZfcJMZAQbw1F6echTa7LCWYEhakDS1EHSEg","y":"qcjXgVl6rfPGM)"
        R"(niEv6_1kPaSfkT5LwfkY5pYJAsVQ-Y","crv":"P-256"})",
        "eyJhbGciOiJFUzI1NiIsImtpZCI6ImdvbGRlbiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHA"
        "iOjQxMDI0NDQ4MDAsInRpZGVtYXJrIjp7InN1YnNjcmliZSI6WyJyb29tcy8qKiJdfX0.OnQMcTn2Idw"
        "HbfoCHhDqhXLwsBkfE99_XAY0g40fg_rDcHSz_eajpPXVivZkfCrnOiU3k5UHt0zLwMFsLi142g"},
    ForeignToken{
        "EdDSA",
        R"({"crv":"Ed25519","x":"9DOlANtR0wfBRfoz_DwTmEl-9WMCUzS12olvj7YroZs","kty":"OKP"})",
        "eyJhbGciOiJFZERTQSIsImtpZCI6ImdvbGRlbiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHA"
        "iOjQxMDI0NDQ4MDAsInRpZGVtYXJrIjp7InN1YnNjcmliZSI6WyJyb29tcy8qKiJdfX0.ZxqYI63CBlq"
        "GvXzRE251E0-oeOymqMCtjtSIY02GeuQdS__qygiC2_uObzw2A4A7bZcTgbNtMMq6xzqPLfOvBA"},
};

}  // namespace tidemark::broker
