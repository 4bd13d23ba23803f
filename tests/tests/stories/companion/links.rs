//! Links: what is not opened, and whom the companion talks to.

use causeway_tests::World;

use super::desk::{Desk, Exit, LOOKING};

#[tokio::test]
async fn what_is_no_link_is_refused() {
    let world = World::shared().await;
    let desk = Desk::of(&world, world.editor());
    for link in
        ["", "nonsense", "https://example.org/", "sambee://close", "sambee://open?server=https://a.example"]
    {
        desk.run(&["open", link, "--editor", "true"]).await.is(Exit::BadLink);
    }
    desk.run(&["open"]).await.is(Exit::Usage);
    desk.run(&["discard", "00000000"]).await.is(Exit::Failed);
}

#[tokio::test]
async fn a_link_opens_once() {
    let world = World::shared().await;
    let folder = world.folder("companion-once");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    let link = desk.link(&folder.at("plan.txt")).await;
    desk.run(&["open", &link, "--editor", LOOKING]).await.is(Exit::Unchanged);
    let again = desk.run(&["open", &link, "--editor", "true"]).await;
    again.is(Exit::Refused);
    assert!(again.said.contains("already been used"), "{}", again.said);
    let causeway = desk.link(&folder.at("plan.txt")).await.replacen("sambee:", "causeway:", 1);
    desk.run(&["open", &causeway, "--editor", LOOKING]).await.is(Exit::Unchanged);
}

#[tokio::test]
async fn a_link_whose_path_was_changed_opens_nothing() {
    let world = World::shared().await;
    let folder = world.folder("companion-forged");
    folder.write("plan.txt", "the plan");
    folder.write("other.txt", "another");
    let desk = Desk::of(&world, world.editor());
    let forged = desk.link(&folder.at("plan.txt")).await.replace("plan.txt", "other.txt");
    desk.run(&["open", &forged, "--editor", "true"]).await.is(Exit::BadLink);
    assert!(!desk.is_locked(&folder.at("other.txt")).await);
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn a_server_that_nobody_allowed_is_not_talked_to() {
    let world = World::shared().await;
    let folder = world.folder("companion-trust");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of_a_stranger(&world, world.editor());
    let path = folder.at("plan.txt");
    let link = desk.link(&path).await;
    desk.run(&["open", &link, "--editor", "true"]).await.is(Exit::NotAllowed);
    desk.run(&["open", &link, "--editor", "true", "--yes"]).await.is(Exit::NotAllowed);
    desk.open_and_answer(&path, &["--editor", "true", "--ask"], "n\n").await.is(Exit::NotAllowed);
    // The token has not been shown to anybody: it is still good.
    desk.run(&["open", &link, "--editor", LOOKING, "--trust"]).await.is(Exit::Unchanged);
    desk.open(&path, &["--editor", LOOKING]).await.is(Exit::Unchanged);

    let other = Desk::of_a_stranger(&world, world.editor());
    other.open_and_answer(&path, &["--editor", LOOKING, "--ask"], "y\n").await.is(Exit::Unchanged);
    other.open(&path, &["--editor", LOOKING]).await.is(Exit::Unchanged);
}

#[tokio::test]
async fn a_server_without_encryption_is_not_talked_to() {
    let world = World::shared().await;
    let desk = Desk::of_a_stranger(&world, world.editor());
    // TEST-NET-1 (RFC 5737): nobody is there.
    let link = "sambee://open?server=http%3A%2F%2F192.0.2.1&token=t&connId=c&path=plan.txt";
    let refused = desk.run(&["open", link, "--editor", "true", "--trust"]).await;
    refused.is(Exit::NotAllowed);
    assert!(refused.said.contains("https"), "{}", refused.said);
}

#[tokio::test]
async fn what_cannot_be_edited_is_refused() {
    let world = World::shared().await;
    let folder = world.folder("companion-refused");
    folder.write("plan.txt", "the plan");
    folder.make_directory("directory");
    let desk = Desk::of(&world, world.viewer());
    desk.open(&folder.at("plan.txt"), &["--editor", "true"]).await.is(Exit::Refused);
    assert!(desk.sessions().is_empty());
    let desk = Desk::of(&world, world.editor());
    desk.open(&folder.at("gone.txt"), &["--editor", "true"]).await.is(Exit::Refused);
    desk.open(&folder.at("directory"), &["--editor", "true"]).await.is(Exit::Refused);
    assert!(desk.sessions().is_empty());
    assert_eq!(folder.names(""), ["directory", "plan.txt"]);
}

#[tokio::test]
async fn the_desktop_is_told_of_the_links_and_forgets_them() {
    let world = World::shared().await;
    let desk = Desk::of(&world, world.editor());
    desk.run(&["register"]).await.is(Exit::Done);
    let entry = String::from_utf8(desk.read("data/applications/causeway-companion.desktop")).expect("text");
    assert!(entry.contains("MimeType=x-scheme-handler/sambee;x-scheme-handler/causeway;"), "{entry}");
    desk.run(&["unregister"]).await.is(Exit::Done);
    desk.run(&["unregister"]).await.is(Exit::Done);
}
