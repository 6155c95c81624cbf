"""LlamaIndex's own records in a garden: document hashes and nodes, and the messages of chats.

They lie in scopes below the user's, which no search of the user's looks into, and are read by key and order alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import ChatMessage
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from llama_index.core.storage.docstore.keyval_docstore import KVDocumentStore
from llama_index.core.storage.kvstore.types import DEFAULT_BATCH_SIZE, DEFAULT_COLLECTION, BaseKVStore

from llama_index_memgarden.texts import cleaned
from llama_index_memgarden.users import Place, User, labels_of
from memgarden import Memory, shared_garden

__all__ = ["CHATS", "MemGardenChatStore", "MemGardenDocumentStore", "MemGardenKVStore"]

DOCUMENTS, CHATS = "#llama_index_documents", "#llama_index_chats"
RECORD = {"text": "-", "kind": "record"}
"""What no search finds."""

ALL = 2**31 - 1
TICK = timedelta(microseconds=1)


class MemGardenKVStore(BaseKVStore):
    """Key-value pairs in a garden, durable and the same for every process."""

    def __init__(self, garden: Place = "./garden", user: User | None = None) -> None:
        """Pairs of `user`."""
        self._scope = shared_garden(garden).scope(*labels_of(user), DOCUMENTS)

    def put(self, key: str, val: dict[str, Any], collection: str = DEFAULT_COLLECTION) -> None:
        """Store a pair, in place of what the key had."""
        self.put_all([(key, val)], collection)

    async def aput(self, key: str, val: dict[str, Any], collection: str = DEFAULT_COLLECTION) -> None:
        """As `put`."""
        await asyncio.to_thread(self.put, key, val, collection)

    def put_all(
        self,
        kv_pairs: list[tuple[str, dict[str, Any]]],
        collection: str = DEFAULT_COLLECTION,
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> None:
        """Store pairs."""
        records = [
            {
                **RECORD,
                "id": _id(collection, key),
                "metadata": {"collection": collection, "key": key, "value": cleaned(json.loads(json.dumps(value)))},
            }
            for key, value in kv_pairs
        ]
        self._scope.add_many(records, batch_size=len(records) or None)

    async def aput_all(
        self,
        kv_pairs: list[tuple[str, dict[str, Any]]],
        collection: str = DEFAULT_COLLECTION,
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> None:
        """As `put_all`."""
        await asyncio.to_thread(self.put_all, kv_pairs, collection, batch_size)

    def get(self, key: str, collection: str = DEFAULT_COLLECTION) -> dict[str, Any] | None:
        """The value of a key; None if there is none."""
        memory = self._scope.get(_id(collection, key))
        return None if memory is None else memory.metadata["value"]

    async def aget(self, key: str, collection: str = DEFAULT_COLLECTION) -> dict[str, Any] | None:
        """As `get`."""
        return await asyncio.to_thread(self.get, key, collection)

    def get_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, dict[str, Any]]:
        """All pairs of a collection."""
        found = self._scope.list(where={"metadata.collection": collection}, order="created_at", limit=ALL)
        return {memory.metadata["key"]: memory.metadata["value"] for memory in found}

    async def aget_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, dict[str, Any]]:
        """As `get_all`."""
        return await asyncio.to_thread(self.get_all, collection)

    def delete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:
        """Delete a pair; whether there was one."""
        return bool(self._scope.delete(_id(collection, key)))

    async def adelete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:
        """As `delete`."""
        return await asyncio.to_thread(self.delete, key, collection)

    def clear(self) -> None:
        """Delete every pair of every collection."""
        self._scope.delete([memory.id for memory in self._scope.list(limit=ALL)])


def _id(collection: str, key: str) -> str:
    """The id of a pair: of one length, whatever the key."""
    return hashlib.sha256(f"{len(collection)}:{collection}{key}".encode("utf-8", "surrogatepass")).hexdigest()


class MemGardenDocumentStore(KVDocumentStore):
    """LlamaIndex's document store over a garden: `refresh_ref_docs` and `IngestionPipeline` know what they have seen.

    A document that was deleted is forgotten whole, so that it is stored anew when it comes again.
    """

    @classmethod
    def of(cls, garden: Place, user: User) -> MemGardenDocumentStore:
        """The document store of a user."""
        return cls(MemGardenKVStore(garden, user))

    def get_all_document_hashes(self) -> dict[str, str]:
        """Documents by their hash; of several of one text, all but one by their hash and id."""
        found: dict[str, str] = {}
        for document, held in self._kvstore.get_all(collection=self._metadata_collection).items():
            told = held.get("doc_hash")
            if told is not None:
                found[told if told not in found else f"{told}#{document}"] = document
        return found

    async def aget_all_document_hashes(self) -> dict[str, str]:
        """As `get_all_document_hashes`."""
        return await asyncio.to_thread(self.get_all_document_hashes)

    def forget_all(self) -> None:
        """Know nothing any more."""
        store: Any = self._kvstore
        store.clear()

    def delete_ref_doc(self, ref_doc_id: str, raise_error: bool = True) -> None:
        """Delete a document's nodes, and the hash by which it was known."""
        super().delete_ref_doc(ref_doc_id, raise_error=False)
        self._kvstore.delete(ref_doc_id, collection=self._metadata_collection)

    async def adelete_ref_doc(self, ref_doc_id: str, raise_error: bool = True) -> None:
        """As `delete_ref_doc`."""
        await super().adelete_ref_doc(ref_doc_id, raise_error=False)
        await self._kvstore.adelete(ref_doc_id, collection=self._metadata_collection)

    def delete_document(self, doc_id: str, raise_error: bool = True) -> None:
        """Delete a node or a document, and the hash by which it was known."""
        super().delete_document(doc_id, raise_error=False)
        self._kvstore.delete(doc_id, collection=self._metadata_collection)

    async def adelete_document(self, doc_id: str, raise_error: bool = True) -> None:
        """As `delete_document`."""
        await super().adelete_document(doc_id, raise_error=False)
        await self._kvstore.adelete(doc_id, collection=self._metadata_collection)


class MemGardenChatStore(AsyncDBChatStore):
    """The messages of a user's chats, by key and in order; for LlamaIndex's `Memory`."""

    _scope: Any = PrivateAttr()

    def __init__(self, garden: Place = "./garden", user: User | None = None) -> None:
        """Chats of `user`."""
        super().__init__()
        self._scope = shared_garden(garden).scope(*labels_of(user), CHATS)

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "MemGardenChatStore"

    def _held(self, key: str, status: MessageStatus | None) -> list[Memory]:
        where: dict[str, Any] = {"metadata.key": key}
        if status is not None:
            where["metadata.status"] = status.value
        held: list[Memory] = self._scope.list(where=where, order="created_at", limit=ALL)
        return held

    def _add(self, key: str, messages: Sequence[ChatMessage], status: MessageStatus) -> None:
        latest = self._held(key, None)[-1:]
        time = max([datetime.now(UTC), *(memory.created_at + TICK for memory in latest)])
        records = [
            {
                **RECORD,
                "metadata": {"key": key, "status": status.value, "message": cleaned(message.model_dump(mode="json"))},
                "created_at": time + n * TICK,
            }
            for n, message in enumerate(messages)
        ]
        self._scope.add_many(records, batch_size=len(records) or None)

    async def get_messages(
        self,
        key: str,
        status: MessageStatus | None = MessageStatus.ACTIVE,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[ChatMessage]:
        """The messages of a chat, in order."""
        held = await asyncio.to_thread(self._held, key, status)
        first = offset or 0
        return [_message(memory) for memory in held[first : None if limit is None else first + limit]]

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        """How many there are."""
        return len(await asyncio.to_thread(self._held, key, status))

    async def add_message(self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE) -> None:
        """Store a message at the end."""
        await self.add_messages(key, [message], status)

    async def add_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Store messages at the end."""
        await asyncio.to_thread(self._add, key, messages, status)

    async def set_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Store messages in place of those of that status."""
        held = await asyncio.to_thread(self._held, key, status)
        await self.add_messages(key, messages, status)  # first, so that nothing is lost if it cannot be stored
        await asyncio.to_thread(self._scope.delete, [memory.id for memory in held])

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete the active message at a place; returns it, None if there is none."""
        held = await asyncio.to_thread(self._held, key, MessageStatus.ACTIVE)
        if not 0 <= idx < len(held):
            return None
        await asyncio.to_thread(self._scope.delete, held[idx].id)
        return _message(held[idx])

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        """Delete the messages of that status, all for None."""
        held = await asyncio.to_thread(self._held, key, status)
        await asyncio.to_thread(self._scope.delete, [memory.id for memory in held])

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Delete the first `n` active messages; returns them."""
        held = (await asyncio.to_thread(self._held, key, MessageStatus.ACTIVE))[:n]
        await asyncio.to_thread(self._scope.delete, [memory.id for memory in held])
        return [_message(memory) for memory in held]

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Set the first `n` active messages aside; returns them."""
        held = (await asyncio.to_thread(self._held, key, MessageStatus.ACTIVE))[:n]
        for memory in held:
            aside = dict(memory.metadata) | {"status": MessageStatus.ARCHIVED.value}
            await asyncio.to_thread(self._scope.update, memory.id, metadata=aside)
        return [_message(memory) for memory in held]

    async def get_keys(self) -> list[str]:
        """The chats that there are."""
        held = await asyncio.to_thread(self._scope.list, order="created_at", limit=ALL)
        return list(dict.fromkeys(memory.metadata["key"] for memory in held))


def _message(memory: Memory) -> ChatMessage:
    return ChatMessage.model_validate(memory.metadata["message"])
