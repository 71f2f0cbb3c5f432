//! The command `stripe-store`; everything it does is in the library.

fn main() -> std::process::ExitCode {
    stripe_store::cli::main()
}
