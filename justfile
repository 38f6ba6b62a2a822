# What people do with this tree. `just` alone lists it.

_default:
    @just --list --unsorted

# The whole gate: format, lints, rules of the house, documentation, tests
check:
    ./scripts/check
    ./scripts/test

# Every test, or those whose name contains one of the words
test *names:
    ./scripts/test {{ names }}

# Lints and rules only, without the tests
lint:
    ./scripts/check

# Brings generated documents up to date
bless:
    FAENA_BLESS=1 cargo test --features full --test docs

# The table of what the program reaches, against bare actix-web on this machine
bench *arguments:
    ./scripts/bench {{ arguments }}

# The program on PostgreSQL beside other queues on it, on one private cluster
bench-postgres *arguments:
    ./scripts/bench-postgres {{ arguments }}

# A server with one real job, to look at
demo:
    cargo run --release -- demo

# Licences, bans and sources of the dependencies
deny:
    cargo deny check licenses bans sources
