import Foundation
import Testing

/// scripts/install, scripts/uninstall and the package of scripts/package, below a folder of their own.
@Suite("installation", .enabled(if: geteuid() == 0, "needs root"))
struct InstallTests {
    private static let scripts = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../scripts")
        .standardized.path

    /// `$root` is the machine, `$dist` what scripts/build makes, `tree` lists all below the root, `daemon` writes its daemon.json.
    private func run(_ script: String) throws -> String {
        try World.run(
            #"""
            export root=/run/root DESTDIR=/run/root dist=/run/dist HOME=/run
            mkdir -p $root/etc/docker $dist/hooks; cp "$runcvm" $dist/runcvm; ln -s runcvm $dist/runcvm-runtime
            echo kernel >$dist/vmlinux; printf '#!/bin/sh\n' >$dist/hooks/prestart; chmod +x $dist/hooks/prestart
            tree() { (cd $root && find . \( -type f -o -type l \) ! -path './var/lib/dpkg/*' -printf '%M %p %l\n' | sort); }
            daemon() { cat >$root/etc/docker/daemon.json; chmod 0640 $root/etc/docker/daemon.json; }
            install() { "$scripts/install" $dist 2>&1; }; uninstall() { "$scripts/uninstall" "$@" 2>&1; }
            """# + "\nscripts=\(Self.scripts)\n\(script)")
    }

    /// What an administrator may have there, in his own way of writing.
    private let own = """
        daemon <<'E'
        {"log-driver": "journald",   "runtimes": {"other": {"path": "/usr/bin/other"}},
         "dns": ["10.0.0.1"]}
        E
        """

    @Test(
        "everything is in its place, the runtime stands beside what was in daemon.json, and uninstall restores it byte by byte"
    )
    func wholly() throws {
        let text = try run(
            """
            \(own)
            tree >/run/before; sha256sum $root/etc/docker/daemon.json >/run/sum
            install; install >/dev/null
            jq -c . $root/etc/docker/daemon.json; tree | grep -v man1; tree | grep -c man1; zcat $root/usr/share/man/man1/runcvm-net-plan.1.gz | head -1
            uninstall; tree | diff /run/before - && sha256sum -c --quiet /run/sum && echo as before
            uninstall
            """)
        #expect(
            text
                == """
                ==> install: installed in /run/root/usr/lib/runcvm
                {"log-driver":"journald","runtimes":{"other":{"path":"/usr/bin/other"},"runcvm":{"path":"/usr/bin/runcvm-runtime"}},"dns":["10.0.0.1"]}
                -rw-r----- ./etc/docker/daemon.json 
                -rw-r----- ./etc/docker/daemon.json.before-runcvm 
                -rw-r--r-- ./usr/lib/runcvm/vmlinux 
                -rw-r--r-- ./usr/share/bash-completion/completions/runcvm 
                -rw-r--r-- ./usr/share/fish/vendor_completions.d/runcvm.fish 
                -rw-r--r-- ./usr/share/zsh/vendor-completions/_runcvm 
                -rwxr-xr-x ./usr/lib/runcvm/hooks/prestart 
                -rwxr-xr-x ./usr/lib/runcvm/runcvm 
                lrwxrwxrwx ./usr/bin/runcvm ../lib/runcvm/runcvm
                lrwxrwxrwx ./usr/bin/runcvm-runtime ../lib/runcvm/runcvm
                lrwxrwxrwx ./usr/lib/runcvm/runcvm-runtime runcvm
                \(ExamplesTests.verbs.count + 1)
                .TH RUNCVM-NET-PLAN 1 "" "runcvm 0.1.0" "runcvm"
                ==> uninstall: gone
                as before
                ==> uninstall: gone

                """)
    }

    @Test("a daemon.json that there was not goes again; what was added to one since stays, without the runtime")
    func ofItsOwn() throws {
        let text = try run(
            """
            install >/dev/null; cat $root/etc/docker/daemon.json; uninstall >/dev/null; ls -A $root/etc/docker
            install >/dev/null; jq '.debug = true' $root/etc/docker/daemon.json >/run/x; daemon </run/x
            uninstall >/dev/null; jq -c . $root/etc/docker/daemon.json; ls -A $root/etc/docker
            """)
        #expect(
            text == """
                {
                    "runtimes": {
                        "runcvm": {
                            "path": "/usr/bin/runcvm-runtime"
                        }
                    }
                }
                {"debug":true}
                daemon.json

                """)
    }

    @Test("a daemon.json that is no JSON object is named, and nothing is installed", arguments: ["{,}", "[1]", "x"])
    func malformed(_ content: String) throws {
        let text = try run("daemon <<<'\(content)'; install || echo status $?; tree; cat $root/etc/docker/daemon.json")
        #expect(
            text == """
                /run/root/etc/docker/daemon.json: not a JSON object; repair it first
                install: nothing is installed
                status 1
                -rw-r----- ./etc/docker/daemon.json 
                \(content)

                """)
    }

    @Test("--purge takes images and disks too; a program of another's by our name stays")
    func purge() throws {
        let text = try run(
            """
            install >/dev/null; mkdir -p $root/var/lib/runcvm/images; touch $root/var/lib/runcvm/images/x.erofs
            ln -sfn /opt/other $root/usr/bin/runcvm
            uninstall >/dev/null; tree; uninstall --purge >/dev/null; tree; uninstall --all || echo status $?
            """)
        #expect(
            text == """
                -rw-r--r-- ./var/lib/runcvm/images/x.erofs 
                lrwxrwxrwx ./usr/bin/runcvm /opt/other
                lrwxrwxrwx ./usr/bin/runcvm /opt/other
                uninstall: --all: no such argument; see --help
                status 1

                """)
    }

    @Test("the package installs the same files and registration, and removes them")
    func package() throws {
        let text = try run(
            """
            \(own)
            cp $root/etc/docker/daemon.json /run/daemon.json; tree >/run/before
            install >/dev/null; tree >/run/installed; jq -S . $root/etc/docker/daemon.json >/run/registered; uninstall >/dev/null
            mkdir -p $root/var/lib/dpkg/{info,updates,triggers}; touch $root/var/lib/dpkg/status
            cp -r $(dirname $scripts)/scripts $(dirname $scripts)/LICENSE /run/; mkdir /run/.build
            file=$(/run/scripts/package $dist 2>/dev/null); echo ${file#/run/}
            dpkg-deb -f $file Architecture Depends
            dpkg() { command dpkg --root=$root --force-script-chrootless --force-depends --force-not-root "$@" >/run/log 2>&1 || cat /run/log; }
            dpkg -i $file; tree | grep -v /doc/ | diff /run/installed - && jq -S . $root/etc/docker/daemon.json | diff /run/registered - && echo as install does
            dpkg -i $file; dpkg -r runcvm; tree | diff /run/before - && cmp $root/etc/docker/daemon.json /run/daemon.json && echo as before
            """)
        #expect(
            text == """
                .build/runcvm_0.1.0_amd64.deb
                Architecture: amd64
                Depends: bash, jq, erofs-utils, e2fsprogs, crun | runc
                as install does
                as before

                """)
    }
}
