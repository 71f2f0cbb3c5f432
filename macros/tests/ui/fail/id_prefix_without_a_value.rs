use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card", id_prefix)]
struct Card {
    points: i64,
}

fn main() {}
