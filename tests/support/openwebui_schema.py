"""
SQLite + Supabase Sync System - Sample Schemas

The tables of an Open WebUI database that matter to a copy, in two generations: what releases from 0.9.6 create
(`current`), and what older hosts carry (`legacy`: no primary key, only UNIQUE INDEXes; DATETIME columns that hold integers).
"""

from typing import Dict

CURRENT = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
CREATE TABLE "user" (id VARCHAR NOT NULL, name VARCHAR, email VARCHAR, role VARCHAR, profile_image_url TEXT,
  last_active_at BIGINT, updated_at BIGINT, created_at BIGINT, username VARCHAR(50), bio TEXT, date_of_birth DATE,
  status_emoji VARCHAR, oauth JSON, info JSON, settings JSON, PRIMARY KEY (id));
CREATE UNIQUE INDEX uq_user_email_lower ON "user" (lower(email)) WHERE email IS NOT NULL;
CREATE TABLE auth (id VARCHAR NOT NULL, email VARCHAR, password TEXT, active BOOLEAN, PRIMARY KEY (id));
CREATE TABLE chat (id VARCHAR NOT NULL, user_id VARCHAR, title TEXT, created_at BIGINT, updated_at BIGINT, share_id TEXT,
  archived BOOLEAN, chat JSON, pinned BOOLEAN, meta JSON DEFAULT '{}' NOT NULL, folder_id TEXT, tasks JSON,
  last_read_at BIGINT, current_message_id TEXT, variables JSON, PRIMARY KEY (id), UNIQUE (share_id));
CREATE INDEX updated_at_user_id_idx ON chat (updated_at, user_id);
CREATE TABLE chat_message (id TEXT NOT NULL, chat_id TEXT NOT NULL, user_id TEXT, role TEXT NOT NULL, parent_id TEXT,
  content JSON, model_id TEXT, files JSON, sources JSON, done BOOLEAN, usage JSON, created_at BIGINT, updated_at BIGINT,
  PRIMARY KEY (id), FOREIGN KEY (chat_id) REFERENCES chat (id) ON DELETE CASCADE);
CREATE INDEX ix_chat_message_chat_id ON chat_message (chat_id);
"""

LEGACY = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
CREATE TABLE migratehistory (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL, migrated_at DATETIME NOT NULL);
CREATE TABLE "user" (id VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL, email VARCHAR(255) NOT NULL,
  role VARCHAR(255) NOT NULL, profile_image_url TEXT NOT NULL, last_active_at BIGINT, updated_at BIGINT,
  created_at BIGINT, oauth_sub TEXT, info TEXT, settings TEXT);
CREATE UNIQUE INDEX user_id ON "user" (id);
CREATE TABLE auth (id VARCHAR(255) NOT NULL, email VARCHAR(255) NOT NULL, password TEXT NOT NULL, active INTEGER NOT NULL);
CREATE UNIQUE INDEX auth_id ON auth (id);
CREATE TABLE chat (id VARCHAR(255) NOT NULL, user_id VARCHAR(255) NOT NULL, title TEXT NOT NULL, share_id VARCHAR(255),
  archived INTEGER NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, chat JSON, pinned BOOLEAN,
  meta JSON DEFAULT '{}' NOT NULL, folder_id TEXT);
CREATE UNIQUE INDEX chat_id ON chat (id);
CREATE UNIQUE INDEX chat_share_id ON chat (share_id);
"""

COMMON = """
CREATE TABLE tag (id VARCHAR NOT NULL, name VARCHAR, user_id VARCHAR, meta JSON,
  CONSTRAINT pk_id_user_id PRIMARY KEY (id, user_id));
CREATE TABLE config ("key" TEXT NOT NULL, value JSON NOT NULL, updated_at BIGINT, PRIMARY KEY ("key"));
CREATE TABLE "group" (id TEXT NOT NULL, user_id TEXT, name TEXT, permissions JSON, created_at BIGINT, PRIMARY KEY (id), UNIQUE (id));
CREATE TABLE channel (id TEXT NOT NULL, user_id TEXT, name TEXT, data JSON, created_at BIGINT, updated_at BIGINT, PRIMARY KEY (id));
CREATE TABLE message (id TEXT NOT NULL, user_id TEXT, channel_id TEXT, content TEXT, data JSON, created_at BIGINT,
  updated_at BIGINT, is_pinned BOOLEAN DEFAULT 0 NOT NULL, PRIMARY KEY (id), UNIQUE (id));
CREATE TABLE message_reaction (id TEXT NOT NULL, user_id TEXT NOT NULL, message_id TEXT NOT NULL, name TEXT NOT NULL,
  created_at BIGINT, PRIMARY KEY (id));
CREATE TABLE file (id VARCHAR NOT NULL, user_id VARCHAR, filename TEXT, meta JSON, created_at BIGINT, hash TEXT, data JSON,
  path TEXT, PRIMARY KEY (id));
CREATE TABLE function (id VARCHAR NOT NULL, user_id VARCHAR, name TEXT, content TEXT, meta TEXT, valves TEXT,
  is_active BOOLEAN, updated_at BIGINT, PRIMARY KEY (id));
CREATE INDEX is_global_idx ON function (is_active);
CREATE TABLE document (collection_name VARCHAR(255) NOT NULL, name VARCHAR(255), timestamp DATETIME, PRIMARY KEY (collection_name));
"""

SCHEMAS: Dict[str, str] = {'current': CURRENT + COMMON, 'legacy': LEGACY + COMMON}
REVISIONS: Dict[str, str] = {'current': 'f0bd01a18a3d', 'legacy': 'b2c3d4e5f6a7'}
