use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card")]
struct Card<T> {
    points: T,
}

fn main() {}
