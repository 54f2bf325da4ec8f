"""Computes what Hugging Face's library tokenizers makes of 10 000 phrases.

    python references.py OUT            writes OUT/NAME.json (a small tokenizer)
                                        and OUT/digests.json (its results)
    python references.py OUT --real     also OUT/real, CLIP's own vocabulary as
                                        open_clip ships it, with all its results

Needs tokenizers and sentencepiece; --real needs open_clip_torch and transformers. The phrases
follow from words.json by SplitMix64, so that the tests make them too.
"""
import hashlib, json, os, sys
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers, Regex

HERE = os.path.dirname(os.path.abspath(__file__))
LISTS = json.load(open(os.path.join(HERE, 'words.json'), encoding='utf-8'))
WORDS, GAPS = LISTS['words'], LISTS['gaps']
M = (1 << 64) - 1


def draw(seed, i, n):
    z = (seed + (i + 1) * 0x9e3779b97f4a7c15) & M
    z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & M
    z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & M
    return (z ^ (z >> 31)) % n


def phrase(k):
    count = 1 + draw(k, 0, 12)
    if k % 97 == 0:
        count = 120  # over-long
    s = ''
    for j in range(count):
        w = WORDS[draw(k, 3 * j + 1, len(WORDS))]
        c = draw(k, 3 * j + 3, 8)
        s += {0: w.upper(), 1: w.capitalize()}.get(c, w) if w.isascii() else w
        s += GAPS[draw(k, 3 * j + 2, len(GAPS))]
    return s


CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clip(corpus):
    t = Tokenizer(models.BPE(end_of_word_suffix='</w>', unk_token='<|endoftext|>', continuing_subword_prefix='', fuse_unk=False))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r'\s+'), ' '), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), 'removed', invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    ab = pre_tokenizers.ByteLevel.alphabet()
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=1000, show_progress=False, end_of_word_suffix='</w>', initial_alphabet=sorted(ab)))
    d = json.loads(t.to_str())
    v = d['model']['vocab']
    for c in sorted(ab):
        v.setdefault(c + '</w>', len(v))
    for s in ('<|startoftext|>', '<|endoftext|>'):
        v[s] = len(v)
    d['added_tokens'] = [{'id': v[s], 'content': s, 'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': n, 'special': True} for s, n in (('<|startoftext|>', True), ('<|endoftext|>', False))]
    d['post_processor'] = {'type': 'RobertaProcessing', 'sep': ['<|endoftext|>', v['<|endoftext|>']], 'cls': ['<|startoftext|>', v['<|startoftext|>']], 'trim_offsets': False, 'add_prefix_space': False}
    return Tokenizer.from_str(json.dumps(d))


def bytelevel(corpus, prefix, normal):
    t = Tokenizer(models.BPE())
    if normal:
        t.normalizer = normal
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=700, show_progress=False, special_tokens=['<pad>', '<s>', '</s>'], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    t.post_processor = processors.TemplateProcessing(single='<s> $A </s>', special_tokens=[('<s>', 1), ('</s>', 2)])
    return t


def bert(corpus, lower):
    t = Tokenizer(models.WordPiece(unk_token='[UNK]'))
    t.normalizer = normalizers.BertNormalizer(lowercase=lower)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=800, show_progress=False, special_tokens=['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']))
    t.post_processor = processors.TemplateProcessing(single='[CLS] $A [SEP]', special_tokens=[('[CLS]', 2), ('[SEP]', 3)])
    return t


def unigram(corpus, charsmap):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Replace(Regex(' {2,}'), ' ')] if charsmap else [normalizers.NFKC()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]) if charsmap else pre_tokenizers.Metaspace()
    t.train_from_iterator(corpus, trainers.UnigramTrainer(vocab_size=420, show_progress=False, special_tokens=['<s>', '<pad>', '</s>', '<unk>'], unk_token='<unk>'))
    t.post_processor = processors.TemplateProcessing(single='<s> $A </s>', special_tokens=[('<s>', 0), ('</s>', 2)])
    d = json.loads(t.to_str())
    for entry in d['model']['vocab']:  # so that sums are exact, and equal where they should be
        entry[1] = round(entry[1] * 1024) / 1024
    return Tokenizer.from_str(json.dumps(d))


def charsmap():
    """A small table of replacements, compiled by SentencePiece's own trainer."""
    import sentencepiece, tempfile
    from sentencepiece import sentencepiece_model_pb2 as pb
    with tempfile.TemporaryDirectory() as d:
        rules = os.path.join(d, 'rules.tsv')
        pairs = [('\u00b5', '\u03bc'), ('\ufb01', 'fi'), ('\u2019', "'"), ('\u00a0', ' '), ('\t', ' '), ('\u00e9', 'e'), ('e\u0301', 'e'), ('\u2265', '>='), ('\u3000', ' '), ('\u200b', '')]
        with open(rules, 'w') as f:
            for a, b in pairs:
                f.write(' '.join('%X' % ord(c) for c in a) + '\t' + ' '.join('%X' % ord(c) for c in b) + '\n')
        text = os.path.join(d, 'text')
        open(text, 'w').write('\n'.join(phrase(k) for k in range(300) if k % 97))
        sentencepiece.SentencePieceTrainer.train(input=text, model_prefix=os.path.join(d, 'm'), vocab_size=300, hard_vocab_limit=False, normalization_rule_tsv=rules, minloglevel=2)
        m = pb.ModelProto()
        m.ParseFromString(open(os.path.join(d, 'm.model'), 'rb').read())
        return m.normalizer_spec.precompiled_charsmap


def results(t, n=10000):
    h, sample = hashlib.sha256(), {}
    for k in range(n):
        ids = t.encode(phrase(k)).ids
        h.update((' '.join(map(str, ids)) + '\n').encode())
        if k % 500 == 7:
            sample[str(k)] = ids
    return {'sha256': h.hexdigest(), 'phrases': n, 'sample': sample}


def main(argv):
    out = argv[0]
    os.makedirs(out, exist_ok=True)
    corpus = [phrase(k) for k in range(1500)]
    text = hashlib.sha256('\n'.join(phrase(k) for k in range(10000)).encode()).hexdigest()
    digests = {'phrases': text}
    normal = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()])
    for name, t in (('clip', clip(corpus)), ('roberta', bytelevel(corpus, False, None)), ('conch', bytelevel(corpus, True, normal)),
                    ('bert-uncased', bert(corpus, True)), ('bert-cased', bert(corpus, False)),
                    ('unigram', unigram(corpus, None)), ('sentencepiece', unigram(corpus, charsmap()))):
        d = json.loads(t.to_str())
        t = Tokenizer.from_str(json.dumps(d))
        json.dump(d, open(os.path.join(out, name + '.json'), 'w'), separators=(',', ':'))
        digests[name] = results(t)
    with open(os.path.join(out, 'digests.json'), 'w') as f:
        f.write('{\n' + ',\n'.join('%s: %s' % (json.dumps(k), json.dumps(v, separators=(',', ':'))) for k, v in digests.items()) + '\n}\n')
    if '--real' in argv:
        import gzip, open_clip
        from transformers import CLIPTokenizerFast
        d = os.path.join(out, 'real')
        os.makedirs(d, exist_ok=True)
        merges = gzip.open(os.path.join(os.path.dirname(open_clip.__file__), 'bpe_simple_vocab_16e6.txt.gz')).read().decode('utf-8').split('\n')[1:49152 - 256 - 2 + 1]
        vocab = list(open_clip.tokenizer.bytes_to_unicode().values())
        vocab += [v + '</w>' for v in vocab] + [''.join(m.split()) for m in merges] + ['<|startoftext|>', '<|endoftext|>']
        json.dump({v: i for i, v in enumerate(vocab)}, open(os.path.join(d, 'vocab.json'), 'w'))
        open(os.path.join(d, 'merges.txt'), 'w', encoding='utf-8').write('#version: 0.2\n' + '\n'.join(merges) + '\n')
        t = CLIPTokenizerFast(os.path.join(d, 'vocab.json'), os.path.join(d, 'merges.txt'))
        os.makedirs(os.path.join(d, 'fast'), exist_ok=True)
        t.backend_tokenizer.save(os.path.join(d, 'fast', 'tokenizer.json'))
        json.dump(results(t.backend_tokenizer), open(os.path.join(d, 'digest.json'), 'w'))


main(sys.argv[1:])
