"""
SQLite + Supabase Sync System - Whose File Is It?

What a container puts into its own volume, and what an administrator says of its file, leads to no other file: `sync-nodectl client
register`, `inspect`, `sync` and `verify`, against a private PostgreSQL and an engine that answers as Docker does.
"""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.client_case import ClientCase  # noqa: E402


class ClientFiles(ClientCase):
    def put_link(self, name: str, target: str) -> Path:
        """What the container `name` can do to its own volume."""
        link = self.folder / name / '_data' / 'webui.db'
        link.unlink()
        link.symlink_to(target)
        return link

    def test_a_link_out_of_the_volume_is_refused(self) -> None:
        theirs = self.volume('other', rows=5) + '/webui.db'
        for target in ('../../other/_data/webui.db', theirs):
            self.docker.run('openwebui-acme', self.volume('acme'))
            link = self.put_link('acme', target)
            said = self.register('acme', '--container', 'openwebui-acme', expect=1)
            self.assertIn(f"has a link at '{link}' that leads out of its mount, to '{theirs}'", said)
            plan = self.document('client register --all', '--all', '--yes', expect=2)
            self.assertEqual(self.actions(plan), {'openwebui-acme': 'refuse'})
            self.assertIn('that leads out of its mount', self.ctl('client', 'inspect', '--docker-socket', str(self.docker.path)))
            self.assertEqual(self.everything(), '')
            link.unlink()

    def test_a_link_within_the_volume_is_its_own(self) -> None:
        self.docker.run('openwebui-acme', self.volume('acme'))
        file = self.folder / 'acme' / '_data' / 'real.db'
        (file.parent / 'webui.db').rename(file)
        (file.parent / 'webui.db').symlink_to('real.db')
        self.register('acme', '--container', 'openwebui-acme')
        self.assertEqual(self.path_of('acme'), str(file))
        self.ctl('sync', 'acme')

    def test_a_link_put_there_later_is_not_followed(self) -> None:
        self.synced('acme')
        theirs = self.volume('other', rows=5) + '/webui.db'
        link = self.put_link('acme', '../../other/_data/webui.db')
        said = self.ctl('sync', 'acme', expect=1)
        self.assertIn(f"'{link}' leads to '{theirs}' now: a link was put in its way", said)
        self.assertIn('leads to', self.ctl('verify', 'acme', expect=1))
        self.assertEqual(self.product.psql('SELECT count(*), min(title) FROM client_acme.chat'), '3|acme')
        self.assertIn(f'database was {link}', self.register('acme', '--sqlite-path', str(link), expect=64), 'who registers it again is asked')
        link.unlink()
        self.volume('acme', rows=4)
        self.ctl('sync', 'acme')
        self.assertEqual(self.product.psql('SELECT count(*), min(title) FROM client_acme.chat'), '4|acme')

    def test_a_file_is_not_stored_with_a_container_that_has_another(self) -> None:
        own = self.volume('acme') + '/webui.db'
        elsewhere = self.volume('elsewhere') + '/webui.db'
        self.docker.run('openwebui-acme', None)
        self.assertIn('and without --container', self.register('acme', '--container', 'openwebui-acme', expect=1))
        refused = self.register('acme', '--sqlite-path', own, '--container', 'openwebui-acme', expect=1)
        self.assertIn('inside itself, not on a volume', refused)
        self.assertIn('--sqlite-path without --container', refused)
        self.assertIn("no container 'nobody'", self.register('acme', '--sqlite-path', own, '--container', 'nobody', expect=1))
        self.docker.run('openwebui-acme', str(Path(own).parent))
        refused = self.register('acme', '--sqlite-path', elsewhere, '--container', 'openwebui-acme', expect=1)
        self.assertIn(f"container 'openwebui-acme' keeps its database at '{own}', not at '{elsewhere}'", refused)
        self.assertEqual(self.everything(), '')
        self.register('acme', '--sqlite-path', own, '--container', 'openwebui-acme')
        container = 'SELECT container_name FROM sync_metadata.client_deployments'
        self.assertEqual(self.sql(container), 'openwebui-acme')
        self.register('acme', '--sqlite-path', own, '--interval', '60', '--yes')
        self.assertEqual(self.sql(container), 'openwebui-acme', 'it keeps this file still')
        self.assertIn('container was openwebui-acme', self.register('acme', '--sqlite-path', elsewhere, expect=64))
        self.register('acme', '--sqlite-path', elsewhere, '--yes')
        self.assertEqual((self.sql(container), self.path_of('acme')), ('', elsewhere))


if __name__ == '__main__':
    unittest.main(verbosity=1)
