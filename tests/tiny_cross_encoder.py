"""A tiny cross-encoder of random weights, as a directory that sentence-transformers loads."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

WORDS = (
    "giá điện tăng từ tháng sau mưa lũ công nhân nhà máy lương bảo hiểm cháy kho xưởng trường học bệnh viện tòa án "
    "bài một hai ba bốn năm sáu bảy tám chín"
).split()
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write(directory: Path, labels: int = 1) -> Path:
    """Write one of one layer and return its directory."""
    vocabulary = {word: at for at, word in enumerate(dict.fromkeys([*_SPECIAL, *WORDS]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=64, **dict(zip(names, _SPECIAL, strict=True))
    ).save_pretrained(directory)
    torch.manual_seed(7)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(
        vocab_size=len(vocabulary), max_position_embeddings=64, num_labels=labels, initializer_range=1.0, **shape
    )
    BertForSequenceClassification(config).save_pretrained(directory, safe_serialization=True)
    return directory
