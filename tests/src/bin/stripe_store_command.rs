//! The command `stripe-store`, for the tests that run it.

fn main() -> std::process::ExitCode {
    stripe_store::cli::main()
}
