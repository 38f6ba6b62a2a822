//! The program `faena`: the command line, and nothing else. What it does is in the library.

mod cli;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // The allocator asks for pages of 2 MiB: an idle server would hold five times what it uses, and is not faster for it.
    // A kernel without such pages refuses, and has nothing to switch off.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    cli::main()
}
