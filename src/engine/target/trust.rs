//! Which files are trusted, by owner and mode. A file in the working folder may come from anyone: an archive, a shared disk,
//! another user. It is trusted only if the user owns it and nobody else can change it. Other systems than Unix keep permissions
//! elsewhere, and nothing is checked there. (`hosts` says what a trusted file may do.)

use sheet_source::problem::{Message, Problem};
use std::path::Path;

/// Checks that `path`, found in the working folder, its folder and its content belong to the user. A missing file is not an
/// error. `way_out` is the hint that replaces a change of owner or mode.
pub fn check_found_path(path: &Path, way_out: &Message) -> Result<(), Problem> {
    platform::check_found_path(path, way_out)
}

/// Checks that a named state folder is not writable by everyone. Another owner is allowed, because containers mount it like
/// that.
pub fn check_named_state(state: &Path, store: &Path) -> Result<(), Problem> {
    platform::check_named_state(&[state, store])
}

/// Checks that a file in the user's own folders belongs to the user or the system.
pub fn check_own_file(path: &Path) -> Result<(), Problem> {
    platform::check_own_file(path)
}

#[cfg(not(unix))]
mod platform {
    use super::{Message, Path, Problem};

    pub fn check_found_path(_: &Path, _: &Message) -> Result<(), Problem> {
        Ok(())
    }

    pub fn check_named_state(_: &[&Path]) -> Result<(), Problem> {
        Ok(())
    }

    pub fn check_own_file(_: &Path) -> Result<(), Problem> {
        Ok(())
    }
}

#[cfg(unix)]
mod platform {
    use super::{Message, Path, Problem};
    use sheet_source::message;
    use sheet_source::problem::{Place, Stage, quoted};
    use std::fs::{self, Metadata};
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    /// The problem code of an untrusted file.
    const CODE: &str = "untrusted-folder";
    const WORLD_WRITES: u32 = 0o002;
    const GROUP_WRITES: u32 = 0o020;
    /// In such a folder only the owner of a file can rename or remove it.
    const STICKY: u32 = 0o1000;
    const ROOT: u32 = 0;
    /// More links than any system follows.
    const LINKS_MAX: usize = 64;

    pub fn check_found_path(path: &Path, way_out: &Message) -> Result<(), Problem> {
        let Ok(real) = fs::canonicalize(path) else { return Ok(()) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let judge = OwnershipCheck::of(&folder);
        judge.check_path(path, way_out)?;
        judge.check_path(&folder, way_out)?;
        if let Some(behind_link) = real.parent().filter(|parent| **parent != *folder) {
            judge.check_folder(behind_link, way_out)?;
        }
        for entry in fs::read_dir(&real).into_iter().flatten().flatten() {
            judge.check_path(&entry.path(), way_out)?;
        }
        Ok(())
    }

    pub fn check_named_state(paths: &[&Path]) -> Result<(), Problem> {
        let open = |path: &&&Path| fs::metadata(path).is_ok_and(|meta| meta.mode() & WORLD_WRITES != 0);
        match paths.iter().find(open) {
            Some(path) => Err(writable_by(path, message!("everyone on this machine"), "o-w", None)),
            None => Ok(()),
        }
    }

    pub fn check_own_file(path: &Path) -> Result<(), Problem> {
        let Ok(real) = fs::canonicalize(path) else { return Ok(()) };
        let folder = real.parent().unwrap_or(Path::new("/"));
        let judge = OwnershipCheck {
            owners: [OwnershipCheck::of(folder).owners, vec![ROOT]].concat(),
            ..OwnershipCheck::of(folder)
        };
        let way_out = message!("name another folder with XDG_CONFIG_HOME");
        judge.check_path(path, &way_out)?;
        judge.check_folder(folder, &way_out)?;
        for link in links_on_path(path) {
            judge.check_link(&link, &way_out)?;
        }
        Ok(())
    }

    /// The links on the way to a path, including those that they lead over.
    fn links_on_path(path: &Path) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        let mut ways = vec![std::path::absolute(path).unwrap_or_else(|_| path.to_owned())];
        while let Some(way) = ways.pop() {
            for place in way.ancestors() {
                let Ok(target) = fs::read_link(place) else { continue };
                if found.len() < LINKS_MAX && !found.iter().any(|known| known == place) {
                    found.push(place.to_owned());
                    ways.push(place.parent().unwrap_or(Path::new("/")).join(target));
                }
            }
        }
        found
    }

    fn untrusted(path: &Path, message: Message, hint: Message) -> Problem {
        Problem::new(Stage::Read, CODE, message).at(Place::File(path.to_owned())).hint(hint)
    }

    fn writable_by(path: &Path, by: Message, change: &'static str, way_out: Option<&Message>) -> Problem {
        let shown = quoted(&path.display().to_string());
        let hint = match way_out {
            Some(way_out) => {
                message!("remove that permission (chmod {change} {path}), or {way_out}", change, path = shown, way_out)
            }
            None => message!("remove that permission: chmod {change} {path}", change, path = shown),
        };
        untrusted(path, message!("{by} can change this, so it is not trusted", by), hint)
    }

    /// Who counts as the user, and the system's users and groups.
    struct OwnershipCheck {
        owners: Vec<u32>,
        me: u32,
        users: Users,
    }

    impl OwnershipCheck {
        fn of(folder: &Path) -> OwnershipCheck {
            let me = rustix::process::geteuid().as_raw();
            let mut owners = vec![me];
            if me == ROOT {
                owners.extend(std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse::<u32>().ok()));
                owners.extend(if in_container() { mount_owner(folder) } else { None });
            }
            OwnershipCheck { owners, me, users: Users::of_the_system() }
        }

        /// Checks owner and mode. A missing file passes.
        fn check_path(&self, path: &Path, way_out: &Message) -> Result<(), Problem> {
            match fs::metadata(path) {
                Ok(meta) => self.check_metadata(path, &meta, way_out),
                Err(_) => Ok(()),
            }
        }

        /// Checks the folder of a checked file: a folder of the system passes too, and a sticky one, in which nobody else can
        /// replace the file.
        fn check_folder(&self, folder: &Path, way_out: &Message) -> Result<(), Problem> {
            match fs::metadata(folder) {
                Ok(meta) if meta.mode() & STICKY != 0 && (meta.uid() == ROOT || self.owners.contains(&meta.uid())) => {
                    Ok(())
                }
                Ok(meta) if meta.uid() == ROOT && meta.mode() & (WORLD_WRITES | GROUP_WRITES) == 0 => Ok(()),
                Ok(meta) => self.check_metadata(folder, &meta, way_out),
                Err(_) => Ok(()),
            }
        }

        /// Checks a link: whoever can change it, or its folder, decides which file is read.
        fn check_link(&self, link: &Path, way_out: &Message) -> Result<(), Problem> {
            let folder = link.parent().unwrap_or(Path::new("/"));
            self.check_folder(folder, way_out)?;
            match fs::symlink_metadata(link) {
                // The mode of a link has no meaning.
                Ok(meta) if !self.owners.contains(&meta.uid()) => self.check_metadata(link, &meta, way_out),
                Ok(_) | Err(_) => Ok(()),
            }
        }

        fn check_metadata(&self, path: &Path, meta: &Metadata, way_out: &Message) -> Result<(), Problem> {
            let (owner, group, mode) = (meta.uid(), meta.gid(), meta.mode());
            if !self.owners.contains(&owner) {
                let (owner, me) = (self.users.user_name(owner), self.users.user_name(self.me));
                let shown = quoted(&path.display().to_string());
                let message = message!("this belongs to {owner}, and you are {me}: it is not trusted", owner, me = &me);
                let hint = message!(
                    "if you know its content, take ownership of it (chown {me} {path}), or {way_out}",
                    me,
                    path = shown,
                    way_out
                );
                return Err(untrusted(path, message, hint));
            }
            if mode & WORLD_WRITES != 0 {
                return Err(writable_by(path, message!("everyone on this machine"), "o-w", Some(way_out)));
            }
            if mode & GROUP_WRITES != 0 && !self.users.is_private(group, owner) {
                let by = message!("the group {group}", group = self.users.group_name(group));
                return Err(writable_by(path, by, "g-w", Some(way_out)));
            }
            Ok(())
        }
    }

    /// Docker and Podman create these files, Kubernetes sets this variable.
    fn in_container() -> bool {
        ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
            || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
    }

    /// The owner of the mount in which the folder lies, if there is one: root in a container works for this user.
    fn mount_owner(folder: &Path) -> Option<u32> {
        let mut top = fs::metadata(folder).ok()?;
        for above in folder.ancestors().skip(1) {
            let above = fs::metadata(above).ok()?;
            if above.dev() != top.dev() {
                return Some(top.uid());
            }
            top = above;
        }
        None
    }

    /// `/etc/passwd` and `/etc/group`. Users of a directory server are in neither, and are shown by their numbers.
    struct Users {
        passwd: String,
        group: String,
    }

    impl Users {
        fn of_the_system() -> Users {
            let read =
                |path: &str| String::from_utf8_lossy(&fs::read(PathBuf::from(path)).unwrap_or_default()).into_owned();
            Users { passwd: read("/etc/passwd"), group: read("/etc/group") }
        }

        /// Name, user id, id of the primary group.
        fn users(&self) -> impl Iterator<Item = (&str, u32, u32)> {
            self.passwd.lines().filter_map(|line| {
                let mut cells = line.split(':');
                let (name, _) = (cells.next()?, cells.next()?);
                Some((name, cells.next()?.parse().ok()?, cells.next()?.parse().ok()?))
            })
        }

        /// Name and members.
        fn group(&self, gid: u32) -> Option<(&str, &str)> {
            self.group.lines().find_map(|line| {
                let mut cells = line.split(':');
                let (name, _, number) = (cells.next()?, cells.next()?, cells.next()?);
                (number.parse() == Ok(gid)).then(|| (name, cells.next().unwrap_or_default()))
            })
        }

        fn name(&self, uid: u32) -> Option<&str> {
            self.users().find(|(_, number, _)| *number == uid).map(|(name, _, _)| name)
        }

        fn user_name(&self, uid: u32) -> String {
            self.name(uid).map_or_else(|| uid.to_string(), str::to_owned)
        }

        fn group_name(&self, gid: u32) -> String {
            self.group(gid).map_or_else(|| gid.to_string(), |(name, _)| name.to_owned())
        }

        /// True for a group with only this user, as most systems create one for each (with umask 002 its members can change the
        /// user's files): it has the user's id or name, and no other members.
        fn is_private(&self, gid: u32, owner: u32) -> bool {
            let user = self.name(owner);
            let (name, members) = self.group(gid).unzip();
            let is_named_alike = gid == owner || (user.is_some() && user == name);
            let is_owner = |member: &str| member.trim().is_empty() || Some(member.trim()) == user;
            let nobody_listed = members.unwrap_or_default().split(',').all(is_owner);
            is_named_alike && nobody_listed && self.users().all(|(_, uid, first)| first != gid || uid == owner)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn users() -> Users {
            Users {
                passwd: "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1007::/:/bin/sh\n\
                         eve:x:1002:100::/:/bin/sh\nodd line\njoe:x:100:65534::/:/bin/sh\n"
                    .to_owned(),
                group: "root:x:0:\nann:x:1000:ann\nbob:x:1007:\nusers:x:100:\nstaff:x:50:ann,bob\nteam:x:1002:bob\n"
                    .to_owned(),
            }
        }

        #[test]
        fn a_group_is_the_user_s_own_where_nobody_else_is_in_it() {
            let users = users();
            for (gid, owner, private) in [
                (0, 0, true),
                (1000, 1000, true),
                // By its name.
                (1007, 1001, true),
                // Of a directory server: neither stands in the files.
                (5000, 5000, true),
                (5000, 5001, false),
                // One for many.
                (100, 1002, false),
                // With its number, but another has it for his first group, or is listed in it.
                (100, 100, false),
                (1002, 1002, false),
                (50, 1000, false),
                (1000, 1001, false),
            ] {
                assert_eq!(users.is_private(gid, owner), private, "group {gid} of user {owner}");
            }
            assert_eq!((users.user_name(1001), users.user_name(7)), ("bob".to_owned(), "7".to_owned()));
        }

        #[test]
        fn a_folder_that_is_not_mounted_there_is_nobody_s() {
            let folder = tempfile::tempdir().expect("a folder");
            let above = fs::metadata("/").expect("a root");
            let here = fs::metadata(folder.path()).expect("a folder");
            assert_eq!(mount_owner(folder.path()).is_none(), above.dev() == here.dev());
            assert_eq!(mount_owner(Path::new("/proc/sys")), fs::metadata("/proc").ok().map(|proc| proc.uid()));
        }
    }
}
