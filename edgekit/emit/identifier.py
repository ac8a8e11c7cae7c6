"""Names for C and C++ out of any text."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 63
"""Characters that C99 promises to tell apart (5.2.4.1)."""

KEYWORDS = frozenset(
    # C up to C23
    "auto bool break case char const constexpr continue default do double else enum extern false float for goto if "
    "inline int long nullptr register restrict return short signed sizeof static static_assert struct switch "
    "thread_local true typedef typeof typeof_unqual union unsigned void volatile while alignas alignof asm "
    # C++ up to C++23
    "and and_eq bitand bitor catch char8_t char16_t char32_t class co_await co_return co_yield compl concept "
    "const_cast consteval constinit decltype delete dynamic_cast explicit export friend mutable namespace new noexcept "
    "not not_eq operator or or_eq private protected public reinterpret_cast requires static_cast template this throw "
    "try typeid typename using virtual wchar_t xor xor_eq "
    # not keywords, but macros or functions that every program has
    "assert errno linux main unix i386 stdin stdout stderr".split()
)


HEADERS = frozenset(
    # C up to C23, POSIX, and what boards have: NAME.h must not take the place of a header that others include
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic "
    "stdbit stdbool stdckdint stddef stdint stdio stdlib stdmchar stdnoreturn string strings tgmath threads time "
    "uchar wchar wctype aio cpio dirent dlfcn endian fcntl features fmtmsg fnmatch ftw glob grp iconv langinfo libgen "
    "libintl malloc memory monetary mqueue ndbm netdb nl_types poll pthread pwd regex sched search semaphore spawn "
    "stropts syslog tar termios trace ulimit unistd utime utmpx wait wordexp alloca board arduino".split()
)


def c_identifier(name: str) -> str:
    """A valid identifier of C and C++ that resembles `name`.

    Letters lose their accents, what is no ASCII letter or digit becomes an underscore, and `model` or `model_` fills in
    where nothing, a digit, a keyword or the name of a common header would be left. There is never an underscore at
    either end nor two in a row, so that the result can be extended (`NAME_model`) without becoming a reserved name; at
    most 63 characters.
    """
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9]+", "_", ascii_only).strip("_")
    if not words or words[0].isdigit() or words in KEYWORDS or words.lower() in HEADERS:
        words = f"model_{words}"
    return words[:_LONGEST].strip("_")
